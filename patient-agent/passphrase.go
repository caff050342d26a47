package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"
)

// passphrase comes from the file that the configuration names, or from the terminal
// without echo. It is never a flag: other users could read it in the process list.
func (s *session) passphrase(prompt string) ([]byte, error) {
	if p, err := s.cli.ReadPassphrase(); err != nil || p != nil {
		return p, err
	}
	return ask(prompt)
}

// newPassphrase asks twice.
func (s *session) newPassphrase() ([]byte, error) {
	if p, err := s.cli.ReadPassphrase(); err != nil || p != nil {
		return p, err
	}
	first, err := ask("New passphrase: ")
	if err != nil {
		return nil, err
	}
	second, err := ask("The same again: ")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ")
	}
	return first, nil
}

func ask(prompt string) ([]byte, error) {
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil, errors.New("no terminal to ask for the passphrase; name its file in PATIENT_AGENT_PASSPHRASE_FILE")
	}
	fmt.Fprint(os.Stderr, prompt)
	p, err := term.ReadPassword(in)
	fmt.Fprintln(os.Stderr)
	return p, err
}
