package visit

import (
	"encoding/json"
	"errors"
)

// MRN is the medical record number in a Patient resource, as hospitals read it by
// default: the identifier of type MR, else the resource's id.
func MRN(patient []byte) (string, error) {
	var p struct {
		ID         string `json:"id"`
		Identifier []struct {
			Value string `json:"value"`
			Type  struct {
				Coding []struct {
					Code string `json:"code"`
				} `json:"coding"`
			} `json:"type"`
		} `json:"identifier"`
	}
	if err := json.Unmarshal(patient, &p); err != nil {
		return "", err
	}
	for _, i := range p.Identifier {
		for _, c := range i.Type.Coding {
			if c.Code == "MR" && i.Value != "" {
				return i.Value, nil
			}
		}
	}
	if p.ID == "" {
		return "", errors.New("the patient has neither a medical record number nor an id")
	}
	return p.ID, nil
}
