package backup

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"

	"medunion/api/secretfile"
)

// Recipients reads age recipients (age1...), and files of them, one a line.
func Recipients(texts []string, file string) ([]age.Recipient, error) {
	all := strings.Join(texts, "\n")
	if file != "" {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("recipients: %w", err)
		}
		all += "\n" + string(b)
	}
	if strings.TrimSpace(all) == "" {
		return nil, errors.New("no recipient: give the public key of whoever may read the backup (age1...)")
	}
	out, err := age.ParseRecipients(strings.NewReader(all))
	if err != nil {
		return nil, fmt.Errorf("recipients: %w", err)
	}
	return out, nil
}

// Identities reads the file of private keys that age-keygen makes; others must not be able
// to read it.
func Identities(file string) ([]age.Identity, error) {
	b, err := secretfile.Read(file)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	out, err := age.ParseIdentities(strings.NewReader(string(b)))
	if err != nil {
		return nil, errors.New("identity: the file holds no private key of age")
	}
	return out, nil
}
