package httpapi

import (
	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// PrepareIndexEntry implements openapi.ServerInterface.
func (a admin) PrepareIndexEntry(echo.Context) error { return problem.NotFound("") }

// OpenReply implements openapi.ServerInterface.
func (a admin) OpenReply(echo.Context) error { return problem.NotFound("") }
