// Package bridge tests the doctor's role as the browser runs it: the built Worker with
// its WebAssembly in a real Chromium, under the portal's own policies, through the
// messages of doctor-portal/web/src/bridge/protocol.ts. No part of the page is used.
package bridge
