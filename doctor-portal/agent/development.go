package agent

import (
	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

func (h handlers) PrepareMessage(echo.Context) error { return problem.NotFound("") }

func (h handlers) OpenReply(echo.Context) error { return problem.NotFound("") }
