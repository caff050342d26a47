package server

// BackupWatched is Backup over a connection that a test watches.
var BackupWatched = Config.backup
