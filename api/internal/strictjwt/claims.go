package strictjwt

import (
	"errors"
	"fmt"
	"time"
)

// Times are the claims about time, in whole seconds since 1970 (RFC 7519,
// section 2, without its fractions). All three are required.
type Times struct {
	IssuedAt  int64 `json:"iat"`
	NotBefore int64 `json:"nbf"`
	Expires   int64 `json:"exp"`
}

// The errors of Check.
var (
	ErrExpired     = errors.New("jwt: expired")
	ErrNotYetValid = errors.New("jwt: not yet valid")
)

// TimesFrom are the claims of a token that is issued at now and lives for life.
// It holds already skew before now, for verifiers whose clock is behind.
func TimesFrom(now time.Time, skew, life time.Duration) Times {
	return Times{IssuedAt: now.Unix(), NotBefore: now.Add(-skew).Unix(), Expires: now.Add(life).Unix()}
}

// Check wants nbf <= now < exp, nbf <= iat < exp and a life of at most most
// from iat.
func (t Times) Check(now time.Time, most time.Duration) error {
	// The bound keeps the differences below from overflowing: the year 9999.
	const latest = 253402300799
	switch {
	case t.NotBefore <= 0 || t.IssuedAt < t.NotBefore || t.Expires <= t.IssuedAt || t.Expires > latest:
		return fmt.Errorf("%w: times out of order", ErrClaims)
	case t.Expires-t.IssuedAt > int64(most/time.Second):
		return fmt.Errorf("%w: lives too long", ErrClaims)
	case now.Unix() < t.NotBefore:
		return ErrNotYetValid
	case now.Unix() >= t.Expires:
		return ErrExpired
	}
	return nil
}
