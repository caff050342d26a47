package main

import (
	"context"
	"fmt"
	"io"

	"medunion/deploy/local/suite"
	"medunion/deploy/local/visit"
)

// guide makes a doctor and a patient ready and prints every address and what to try.
func guide(ctx context.Context, w io.Writer, s *suite.Suite, plan visit.Plan) error {
	log := &visit.Log{}
	p, err := visit.Join(ctx, s, plan, log)
	if err != nil {
		return err
	}
	card, err := p.Doctor.Card()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "public cloud    %s\n", s.Cloud)
	for _, h := range s.Hospitals {
		fmt.Fprintf(w, "%-15s %s   administration %s\n", h.ID, h.URL, h.Admin)
	}
	fmt.Fprintf(w, "doctor portal   %s\n", s.Portal)
	fmt.Fprintf(w, "authority       %s   (development: certifies whoever asks)\n", s.Authority)
	fmt.Fprintf(w, "doctor's agent  %s\n", p.Doctor.URL())
	fmt.Fprintf(w, "card            %s\n", card.Link)
	return nil
}
