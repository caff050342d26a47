// Package settings is what all services do alike with their configuration: they read a
// file beside flags and environment variables, print what is in effect without secrets,
// check it before they start, and refuse what is insecure.
//
// A configuration is one struct that kong fills. Each of its flags --some-thing is the
// variable PREFIX_SOME_THING and the key some-thing of the file. A flag stands above the
// variable, the variable above the file, the file above the default.
//
// A field whose value is a secret has the tag secret:"value"; one that holds a secret if it
// is no URI after all, secret:"uri"; one of addresses, into which somebody may write a URI or
// a password all the same, secret:"address". Of every value that is a URI, what stands before
// its @ is a secret.
package settings
