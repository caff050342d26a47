package main

import (
	"context"
	"encoding/json"
	"os"

	"medunion/publiccloud/server"
)

// pinsCommand prints what every other party must hold of this public cloud.
type pinsCommand struct {
	server.Config
}

// Run prints them as the file that --pins of the other programs reads.
func (p *pinsCommand) Run(ctx context.Context) error {
	pins, err := server.ReadPins(ctx, p.Config)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(pins)
}
