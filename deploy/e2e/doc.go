// Package e2e holds the tests in which people use both pages in a real Chromium: a doctor
// and a patient, each with a browser context and a security device of their own, against
// the whole suite with its real servers and stores. They act by what they read, by mouse
// or by keyboard alone. Console errors, violations of the pages' policies, requests to
// other origins and findings of axe-core fail them.
//
//	E2E_SCREENSHOTS=DIR go test ./deploy/e2e
//
// paints every screen into DIR. Without Chromium they are skipped.
package e2e
