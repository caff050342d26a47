package server

import (
	"context"

	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
)

func (h handlers) PrepareMessage(context.Context, api.PrepareMessageRequestObject) (api.PrepareMessageResponseObject, error) {
	return nil, problem.NotFound("")
}

func (h handlers) OpenReply(context.Context, api.OpenReplyRequestObject) (api.OpenReplyResponseObject, error) {
	return nil, problem.NotFound("")
}
