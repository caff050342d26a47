package keystore

// Files is where the store keeps its files: a folder, or the browser's IndexedDB.
// Names are at most 64 bytes of a-z, 0-9, '-' and '.'. Nobody else writes there while a
// store is open: the adapter holds a lock.
type Files interface {
	// Read returns a file's content, or an error that is fs.ErrNotExist.
	Read(name string) ([]byte, error)
	// Replace writes a file whole or not at all, and returns once it is durable.
	Replace(name string, content []byte) error
	// Remove removes a file; one that is not there is no error.
	Remove(name string) error
	// List returns the names of all files.
	List() ([]string, error)
}
