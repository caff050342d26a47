package server

import (
	"context"
	"errors"

	api "medunion/api/openapi/patientagent"
	"medunion/api/problem"
)

var errPending = problem.Unavailable(0, errors.New("not in this version"))

// PrepareApproval is not served yet.
func (handlers) PrepareApproval(context.Context, api.PrepareApprovalRequestObject) (api.PrepareApprovalResponseObject, error) {
	return nil, errPending
}

// GetDefaults is not served yet.
func (handlers) GetDefaults(context.Context, api.GetDefaultsRequestObject) (api.GetDefaultsResponseObject, error) {
	return nil, errPending
}

// Watch is not served yet.
func (handlers) Watch(context.Context, api.WatchRequestObject) (api.WatchResponseObject, error) {
	return nil, errPending
}

// ClosePageSession is not served yet.
func (handlers) ClosePageSession(context.Context, api.ClosePageSessionRequestObject) (api.ClosePageSessionResponseObject, error) {
	return nil, errPending
}

// OpenPageSession is not served yet.
func (handlers) OpenPageSession(context.Context, api.OpenPageSessionRequestObject) (api.OpenPageSessionResponseObject, error) {
	return nil, errPending
}

// ChallengePasskey is not served yet.
func (handlers) ChallengePasskey(context.Context, api.ChallengePasskeyRequestObject) (api.ChallengePasskeyResponseObject, error) {
	return nil, errPending
}

// GetProfile is not served yet.
func (handlers) GetProfile(context.Context, api.GetProfileRequestObject) (api.GetProfileResponseObject, error) {
	return nil, errPending
}

// PutProfile is not served yet.
func (handlers) PutProfile(context.Context, api.PutProfileRequestObject) (api.PutProfileResponseObject, error) {
	return nil, errPending
}

// PreviewSignals is not served yet.
func (handlers) PreviewSignals(context.Context, api.PreviewSignalsRequestObject) (api.PreviewSignalsResponseObject, error) {
	return nil, errPending
}

// EndVisit is not served yet.
func (handlers) EndVisit(context.Context, api.EndVisitRequestObject) (api.EndVisitResponseObject, error) {
	return nil, errPending
}
