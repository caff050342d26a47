package keyprovider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"medunion/api/secretfile"
)

// maxAnswer bounds an answer of Vault in bytes.
const maxAnswer = 1 << 20

// errDenied is Vault's 403: the token has ended, or its policy does not allow the call.
var errDenied = fmt.Errorf("%w: Vault does not let the service in: its token has ended, or its policy forbids the call", ErrLocked)

// call makes a call under a token that is renewed or had anew when it is due. If the
// token was revoked in the meantime it logs in again, once.
func (t *transit) call(ctx context.Context, method, path string, in, out any) error {
	token, err := t.hold(ctx, "")
	if err != nil {
		return err
	}
	if err = t.send(ctx, method, path, token, in, out); !errors.Is(err, errDenied) {
		return err
	}
	if token, err = t.hold(ctx, token); err != nil {
		return err
	}
	return t.send(ctx, method, path, token, in, out)
}

// hold returns a token to use. denied is one that was turned away: it is not used again.
func (t *transit) hold(ctx context.Context, denied string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	due := !t.renew.IsZero() && time.Now().After(t.renew)
	if t.token == "" || t.token == denied || due && t.extend(ctx) != nil {
		if err := t.login(ctx); err != nil {
			return "", err
		}
	}
	return t.token, nil
}

type auth struct {
	Auth struct {
		Token    string `json:"client_token"`
		Seconds  int64  `json:"lease_duration"`
		Renewing bool   `json:"renewable"`
	} `json:"auth"`
}

// keep takes a token over. At two thirds of its life it is due.
func (t *transit) keep(a auth) {
	t.token, t.renew = a.Auth.Token, time.Time{}
	if a.Auth.Seconds > 0 {
		t.renew = time.Now().Add(time.Duration(a.Auth.Seconds) * time.Second * 2 / 3)
	}
}

// extend asks for more life of the token: auth/token/renew-self.
func (t *transit) extend(ctx context.Context) error {
	var a auth
	if err := t.send(ctx, http.MethodPost, "auth/token/renew-self", t.token, struct{}{}, &a); err != nil {
		return err
	}
	if a.Auth.Token == "" {
		return errDenied
	}
	t.keep(a)
	return nil
}

// login gets a token as the configuration says. A token file is read each time: an agent
// beside the service may write a new one.
func (t *transit) login(ctx context.Context) error {
	t.token = ""
	if t.Auth == "token" {
		return t.readToken(ctx)
	}
	in := map[string]string{}
	if t.Auth == "approle" {
		secret, err := secretfile.Passphrase(t.SecretFile)
		if err != nil {
			return fmt.Errorf("%w: secret id: %w", ErrLocked, err)
		}
		in["role_id"], in["secret_id"] = t.Role, string(secret)
	} else {
		jwt, err := os.ReadFile(t.JWTFile) // the platform sets its mode
		if err != nil {
			return fmt.Errorf("%w: service account: %w", ErrLocked, err)
		}
		in["role"], in["jwt"] = t.Role, strings.TrimSpace(string(jwt))
	}
	var a auth
	if err := t.send(ctx, http.MethodPost, "auth/"+t.AuthMount+"/login", "", in, &a); err != nil {
		return fmt.Errorf("%w: log in at Vault: %w", ErrLocked, err)
	}
	if a.Auth.Token == "" {
		return errDenied
	}
	t.keep(a)
	return nil
}

// readToken takes the token of the file, and asks how long it lives.
func (t *transit) readToken(ctx context.Context) error {
	token, err := secretfile.Passphrase(t.TokenFile)
	if err != nil {
		return fmt.Errorf("%w: Vault's token: %w", ErrLocked, err)
	}
	var self struct {
		Data struct {
			Seconds int64 `json:"ttl"`
		} `json:"data"`
	}
	if err := t.send(ctx, http.MethodGet, "auth/token/lookup-self", string(token), nil, &self); err != nil {
		return err
	}
	var a auth
	a.Auth.Token, a.Auth.Seconds = string(token), self.Data.Seconds
	t.keep(a)
	return nil
}

// send makes one call. Vault's own words stay out of the error: only what its status means.
func (t *transit) send(ctx context.Context, method, path, token string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		defer clear(b)
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(t.Address, "/")+"/v1/"+path, body)
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Request", "true")
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	if t.Namespace != "" {
		req.Header.Set("X-Vault-Namespace", t.Namespace)
	}
	res, err := t.client.Do(req)
	if err != nil {
		return fmt.Errorf("%w: Vault does not answer: %w", ErrLocked, err)
	}
	defer res.Body.Close()
	if err := meaning(res.StatusCode); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	defer clear(b)
	if err != nil || json.Unmarshal(b, out) != nil {
		return fmt.Errorf("%w: Vault's answer is cut off or malformed", ErrLocked)
	}
	return nil
}

// meaning is what a status of Vault says about the keys.
func meaning(status int) error {
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return errDenied
	case status == http.StatusBadRequest:
		return fmt.Errorf("%w: Vault turns it away: altered, of another key, or under a version below min_decryption_version", ErrRefused)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w: Vault has no such transit key, or nothing mounted there", ErrLocked)
	case status == http.StatusServiceUnavailable:
		return fmt.Errorf("%w: Vault is sealed or in standby", ErrLocked)
	}
	return fmt.Errorf("%w: Vault answers %d", ErrLocked, status)
}

// Format keeps the token out of every text.
func (*transit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }
