package main

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"medunion/api/doctorcert"
	"medunion/api/message"
	"medunion/deploy/local/embedmongo"
	"medunion/deploy/local/embedredis"
	"medunion/ecc"
	publiccloud "medunion/publiccloud/server"
)

// authorityName is the issuer of the trial's medical authority.
const authorityName = "medical-authority.trial"

func authorityJWKS(key ecc.SigningKey) ([]byte, error) {
	i, err := doctorcert.NewIssuer(authorityName, key, life, rand.Reader)
	if err != nil {
		return nil, err
	}
	return i.JWKS()
}

// cloudKeys makes the public cloud's key file by a first start over stores that are gone
// afterwards, and returns what all others pin. No store holds anything that the keys need.
func cloudKeys(dir string) (pins message.Pins, err error) {
	scratch, err := os.MkdirTemp("", "medunion-prepare-")
	if err != nil {
		return pins, err
	}
	defer os.RemoveAll(scratch)
	mongo, err := embedmongo.Start(embedmongo.Options{Dir: scratch})
	if err != nil {
		return pins, err
	}
	defer mongo.Close()
	redis, err := embedredis.Start(embedredis.Options{})
	if err != nil {
		return pins, err
	}
	defer redis.Close()
	at := func(name string) string { return filepath.Join(dir, "publiccloud", name) }
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	i, err := publiccloud.Start(ctx, publiccloud.Config{Dev: true, Listen: "127.0.0.1:0", Keys: at("state/keys"), InitKeys: true, PassphraseFile: at("passphrase"),
		MongoURI: mongo.URI(), RedisAddrs: []string{redis.Addr()}, Authority: authorityName, AuthorityFile: at("authority.jwks"),
		Operators: "operators.trial", OperatorsFile: at("operators.jwks"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return pins, err
	}
	pins = i.Pins()
	return pins, errors.Join(i.Close())
}
