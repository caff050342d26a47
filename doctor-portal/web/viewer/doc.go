// Package viewer tests the viewer of documents in a real Chromium: in a frame without an
// origin, under a policy as tight as the portal's, it shows a PDF and an image, says what
// it cannot show, and what took it over would reach nobody.
package viewer
