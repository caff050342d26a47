// Package drill does what the runbooks of deploy/doc say: the commands of each page run, in
// the order in which people use the pages, with the services' real programs.
package drill
