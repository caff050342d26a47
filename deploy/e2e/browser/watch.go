package browser

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// watch notes what no page may do, in the page and in its workers.
func (t *Tab) watch() {
	chromedp.ListenTarget(t.ctx, func(ev any) {
		t.see(ev)
		if a, ok := ev.(*target.EventAttachedToTarget); ok && a.TargetInfo.Type == "worker" {
			go t.watchWorker(a.TargetInfo.TargetID)
		}
	})
}

// watchWorker listens to a worker from its beginning: the browser tells again what it
// has noted so far.
func (t *Tab) watchWorker(id target.ID) {
	ctx, _ := chromedp.NewContext(t.ctx, chromedp.WithTargetID(id)) // ends with the tab
	chromedp.ListenTarget(ctx, t.see)
	_ = chromedp.Run(ctx) // a worker that has ended meanwhile
}

func (t *Tab) see(ev any) {
	switch e := ev.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert || e.Type == runtime.APITypeWarning {
			t.fault("console: %s", spoken(e.Args))
		}
	case *runtime.EventExceptionThrown:
		t.fault("exception: %s", e.ExceptionDetails.Error())
	case *log.EventEntryAdded:
		// An answer that refuses is the page's to show; the browser logs each as an error.
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			t.fault("%s: %s", e.Entry.Source, e.Entry.Text)
		}
	case *audits.EventIssueAdded:
		if d := e.Issue.Details; d != nil && d.ContentSecurityPolicyIssueDetails != nil {
			v := d.ContentSecurityPolicyIssueDetails
			t.fault("content security policy: %s violates %s", v.BlockedURL, v.ViolatedDirective)
		}
	case *network.EventRequestWillBeSent:
		t.request(e.Request.URL)
	}
}

func spoken(args []*runtime.RemoteObject) string {
	var words []string
	for _, a := range args {
		if a.Description != "" {
			words = append(words, a.Description)
		} else {
			words = append(words, string(a.Value))
		}
	}
	return strings.Join(words, " ")
}

// request notes a request to any other origin than the page's own.
func (t *Tab) request(to string) {
	t.mu.Lock()
	own := t.origin
	t.mu.Unlock()
	if o := originOf(to); own != "" && o != own && !strings.HasPrefix(to, "data:") && to != "about:blank" {
		t.fault("a request to %s", o)
	}
}

// originOf is scheme, host and port; of a blob, that of the page that made it.
func originOf(address string) string {
	u, err := url.Parse(strings.TrimPrefix(address, "blob:"))
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

func (t *Tab) fault(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.faults = append(t.faults, fmt.Sprintf(format, args...))
}

// Faults are what was noted so far.
func (t *Tab) Faults() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]string(nil), t.faults...)
}

// Forgive drops the faults that contain a text: what a test provokes by intent.
func (t *Tab) Forgive(part string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var kept []string
	for _, f := range t.faults {
		if !strings.Contains(f, part) {
			kept = append(kept, f)
		}
	}
	t.faults = kept
}

// Offline cuts the page from the network, not its workers, or connects it again.
func (t *Tab) Offline(off bool) {
	t.tb.Helper()
	err := t.run(func(ctx context.Context) error {
		if _, err := network.EmulateNetworkConditionsByRule(off, []*network.Conditions{}).Do(ctx); err != nil {
			return err
		}
		return network.OverrideNetworkState(off, 0, -1, -1).Do(ctx)
	})
	if err != nil {
		t.tb.Fatalf("%s: network: %v", t.name, err)
	}
}

// Online sets only what the device says of its network: an agent on the device itself is
// reached without one.
func (t *Tab) Online(yes bool) {
	t.tb.Helper()
	err := t.run(func(ctx context.Context) error { return network.OverrideNetworkState(!yes, 0, -1, -1).Do(ctx) })
	if err != nil {
		t.tb.Fatalf("%s: network: %v", t.name, err)
	}
}
