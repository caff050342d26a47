// Package mongoerr holds the errors that a MongoDB server reports, by their published codes.
package mongoerr

import "fmt"

// Error is a failed command or, inside a bulk write, a failed statement.
type Error struct {
	Code    int32
	Name    string // the published name of the code
	Message string
	Labels  []string // error labels that tell drivers what to retry
}

func (e *Error) Error() string { return e.Message }

// Kind is a code with its published name.
type Kind struct {
	Code int32
	Name string
}

// The codes that the embedded server uses (MongoDB's error_codes.yml).
var (
	InternalError             = Kind{1, "InternalError"}
	BadValue                  = Kind{2, "BadValue"}
	FailedToParse             = Kind{9, "FailedToParse"}
	TypeMismatch              = Kind{14, "TypeMismatch"}
	IllegalOperation          = Kind{20, "IllegalOperation"}
	NamespaceNotFound         = Kind{26, "NamespaceNotFound"}
	IndexNotFound             = Kind{27, "IndexNotFound"}
	CursorNotFound            = Kind{43, "CursorNotFound"}
	NamespaceExists           = Kind{48, "NamespaceExists"}
	CommandNotFound           = Kind{59, "CommandNotFound"}
	ImmutableField            = Kind{66, "ImmutableField"}
	CannotCreateIndex         = Kind{67, "CannotCreateIndex"}
	InvalidOptions            = Kind{72, "InvalidOptions"}
	InvalidNamespace          = Kind{73, "InvalidNamespace"}
	IndexOptionsConflict      = Kind{85, "IndexOptionsConflict"}
	UnsatisfiableConcern      = Kind{100, "UnsatisfiableWriteConcern"}
	WriteConflict             = Kind{112, "WriteConflict"}
	CannotIndexParallelArrays = Kind{171, "CannotIndexParallelArrays"}
	MaxTimeMSExpired          = Kind{50, "MaxTimeMSExpired"}
	TransactionTooOld         = Kind{225, "TransactionTooOld"}
	NotImplemented            = Kind{238, "NotImplemented"}
	NoSuchTransaction         = Kind{251, "NoSuchTransaction"}
	NotSupportedInTxn         = Kind{263, "OperationNotSupportedInTransaction"}
	BSONObjectTooLarge        = Kind{10334, "BSONObjectTooLarge"}
	DuplicateKey              = Kind{11000, "DuplicateKey"}
	UnknownField              = Kind{40415, "Location40415"}
	UnknownStage              = Kind{40324, "Location40324"}
	ShutdownInProgress        = Kind{91, "ShutdownInProgress"}
	transientLabel            = "TransientTransactionError"
)

// New makes an error of kind k.
func New(k Kind, format string, args ...any) *Error {
	return &Error{Code: k.Code, Name: k.Name, Message: fmt.Sprintf(format, args...)}
}

// Transient marks e so that a driver runs the whole transaction again.
func Transient(e *Error) *Error {
	e.Labels = append(e.Labels, transientLabel)
	return e
}

// Conflict is the error of a transaction that loses against another writer.
func Conflict() *Error {
	return Transient(New(WriteConflict, "another operation wrote the same document or unique key: run the transaction again"))
}
