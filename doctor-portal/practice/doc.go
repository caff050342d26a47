// Package practice is a doctor at work: her store, her presence at the portal, the
// waiting room, and the visits with search, releases, diagnosis and evidence. It
// conducts the role of package doctor, and is the same for the page in the browser and
// for the headless agent.
package practice
