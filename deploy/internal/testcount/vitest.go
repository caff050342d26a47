package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// report is what vitest's JSON reporter writes.
type report struct {
	Success     bool `json:"success"`
	TestResults []struct {
		Name             string  `json:"name"` // the file
		Status           string  `json:"status"`
		Message          string  `json:"message"`
		StartTime        float64 `json:"startTime"` // ms
		EndTime          float64 `json:"endTime"`
		AssertionResults []struct {
			FullName        string   `json:"fullName"`
			Status          string   `json:"status"`
			FailureMessages []string `json:"failureMessages"`
		} `json:"assertionResults"`
	} `json:"testResults"`
}

// CountVitest counts the tests of a web package by the report that "vitest run" wrote,
// and prints to w what failed and one line. A report that is missing, broken, empty or
// unsuccessful without a failed test is one failure.
func CountVitest(name, path string, w io.Writer) Tally {
	r, err := readReport(path)
	if err != nil {
		fmt.Fprintf(w, "%s: %v\n", name, err)
		return Tally{Failed: 1}
	}
	var sum Tally
	var millis float64
	for _, file := range r.TestResults {
		before := sum.Failed
		for _, a := range file.AssertionResults {
			switch a.Status {
			case "passed":
				sum.Passed++
			case "failed":
				sum.Failed++
				fmt.Fprintf(w, "%s: %s\n%s\n", file.Name, a.FullName, strings.Join(a.FailureMessages, "\n"))
			default: // skipped, pending, todo, disabled
				sum.Skipped++
				fmt.Fprintf(w, "%s: %s: %s\n", file.Name, a.FullName, a.Status)
			}
		}
		if file.Status == "failed" && sum.Failed == before {
			sum.Failed++
			fmt.Fprintf(w, "%s: %s\n", file.Name, file.Message)
		}
		millis += file.EndTime - file.StartTime
	}
	if sum.Failed == 0 && (!r.Success || sum.Passed == 0) {
		sum.Failed++
		fmt.Fprintf(w, "%s: vitest failed outside of the tests, or ran none\n", name)
	}
	verdict := "pass"
	if sum.Failed > 0 {
		verdict = "fail"
	}
	fmt.Fprintf(w, "%-4s  %-50s %7.1fs  %s\n", verdict, name, millis/1000, sum)
	return sum
}

func readReport(path string) (r report, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(b, &r)
}
