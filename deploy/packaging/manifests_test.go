package packaging

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// pod is the template of a Deployment or a Job.
type pod struct {
	name string
	object
}

func pods(all []object) (out []pod) {
	for _, o := range all {
		if spec, ok := o.at("spec", "template").(map[string]any); ok {
			out = append(out, pod{fmt.Sprintf("%s %v", o.kind(), o.at("metadata", "name")), spec})
		}
	}
	return out
}

func list(v any) (out []object) {
	l, _ := v.([]any)
	for _, e := range l {
		if m, ok := e.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

func ofKind(all []object, kind string) (out []object) {
	for _, o := range all {
		if o.kind() == kind {
			out = append(out, o)
		}
	}
	return out
}

// selects says whether a selector's labels are all on the pod; one without labels selects
// everything, which none of ours may.
func selects(selector any, p pod) bool {
	s, _ := selector.(map[string]any)
	labels, _ := s["matchLabels"].(map[string]any)
	if s["matchLabels"] == nil {
		labels = s
	}
	for k, v := range labels {
		if p.at("metadata", "labels", k) != v {
			return false
		}
	}
	return len(labels) > 0
}

// each renders every chart with every set of values.
func each(t *testing.T, check func(t *testing.T, name, set string, all []object)) {
	for _, name := range services {
		for _, set := range values {
			t.Run(name+" "+set, func(t *testing.T) { check(t, name, set, objects(t, render(t, name, set))) })
		}
	}
}

// container is what every container must say, and what it says instead.
var container = []struct {
	path []string
	want any
}{
	{[]string{"securityContext", "runAsNonRoot"}, true},
	{[]string{"securityContext", "readOnlyRootFilesystem"}, true},
	{[]string{"securityContext", "allowPrivilegeEscalation"}, false},
	{[]string{"securityContext", "privileged"}, false},
	{[]string{"securityContext", "capabilities", "drop"}, []any{"ALL"}},
	{[]string{"securityContext", "capabilities", "add"}, nil},
	{[]string{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
}

// Every container of every pod runs as a user without rights, writes into nothing of its
// image, has limits, and runs an image that is named exactly.
func TestContainers(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		found := pods(all)
		if want := 1 + len(ofKind(all, "Job")); len(found) != want {
			t.Fatalf("%d pods", len(found))
		}
		for _, p := range found {
			containers := append(list(p.at("spec", "containers")), list(p.at("spec", "initContainers"))...)
			if len(containers) == 0 {
				t.Errorf("%s has no container", p.name)
			}
			for _, c := range containers {
				checkContainer(t, p.name, c)
			}
			checkPod(t, p)
		}
	})
}

func checkContainer(t *testing.T, name string, c object) {
	t.Helper()
	for _, rule := range container {
		if got := c.at(rule.path...); !reflect.DeepEqual(got, rule.want) {
			t.Errorf("%s: %s is %v, not %v", name, strings.Join(rule.path, "."), got, rule.want)
		}
	}
	for _, kind := range []string{"requests", "limits"} {
		for _, what := range []string{"cpu", "memory"} {
			if c.at("resources", kind, what) == nil {
				t.Errorf("%s has no %s of %s", name, kind, what)
			}
		}
	}
	image, _ := c["image"].(string)
	_, version, tagged := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	if !tagged || version == "" || version == "latest" {
		t.Errorf("%s runs %q", name, image)
	}
	for _, m := range list(c["volumeMounts"]) {
		if m["readOnly"] != true && m["name"] != "keys" || m["subPath"] != nil {
			t.Errorf("%s mounts %v: writable, or never renewed", name, m["name"])
		}
	}
}

func checkPod(t *testing.T, p pod) {
	t.Helper()
	if p.at("spec", "automountServiceAccountToken") != false || p.at("spec", "serviceAccountName") == nil {
		t.Errorf("%s has a token for the cluster", p.name)
	}
	if p.at("spec", "securityContext", "runAsNonRoot") != true || p.at("spec", "securityContext", "runAsUser") != 65532 {
		t.Errorf("%s runs as %v", p.name, p.at("spec", "securityContext"))
	}
	for _, host := range []string{"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} {
		if v := p.at("spec", host); v != nil && v != false {
			t.Errorf("%s has %s", p.name, host)
		}
	}
	for _, v := range list(p.at("spec", "volumes")) {
		if v["hostPath"] != nil {
			t.Errorf("%s mounts a folder of its node", p.name)
		}
		if s := object(v).at("secret"); s != nil && object(v).at("secret", "defaultMode") != 0o400 {
			t.Errorf("%s: secret %v can be read by others", p.name, v["name"])
		}
	}
}

// One NetworkPolicy covers every pod in both directions, and each of its rules names ports
// and whom they are for; a port that it opens is one of a container, and each such port
// has somebody that it is for.
func TestNetworkPolicy(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		policies := ofKind(all, "NetworkPolicy")
		if len(policies) != 1 {
			t.Fatalf("%d policies", len(policies))
		}
		policy := policies[0]
		for _, p := range pods(all) {
			if !selects(policy.at("spec", "podSelector"), p) {
				t.Errorf("%s is not covered", p.name)
			}
		}
		if !reflect.DeepEqual(policy.at("spec", "policyTypes"), []any{"Ingress", "Egress"}) {
			t.Error("a direction is open")
		}
		opened := ports(t, policy, "ingress", "from")
		served := map[int]bool{}
		for _, c := range list(pods(all)[0].at("spec", "containers")) {
			for _, p := range list(c["ports"]) {
				served[p["containerPort"].(int)] = true
			}
		}
		if !reflect.DeepEqual(opened, served) {
			t.Errorf("open are %v, served %v", opened, served)
		}
		if out := ports(t, policy, "egress", "to"); !out[53] || !out[6379] || out[27017] != (name != "doctor-portal") {
			t.Errorf("reached are %v", out)
		}
	})
}

// ports are those of all rules of a direction, each of which must name its peers.
func ports(t *testing.T, policy object, direction, peers string) map[int]bool {
	t.Helper()
	out := map[int]bool{}
	for _, rule := range list(policy.at("spec", direction)) {
		if len(list(rule[peers])) == 0 || len(list(rule["ports"])) == 0 {
			t.Errorf("%s: the rule %v is for everybody or every port", direction, rule)
		}
		for _, peer := range list(rule[peers]) {
			if len(peer) == 0 || strings.HasSuffix(fmt.Sprint(peer.at("ipBlock", "cidr")), "/0") {
				t.Errorf("%s: %v is everybody", direction, peer)
			}
		}
		for _, p := range list(rule["ports"]) {
			out[p["port"].(int)] = true
		}
	}
	return out
}

// A rollout and the loss of a node leave an instance that serves: none is taken away
// before another is ready, a budget bounds what is evicted, instances are spread, each is
// given time to finish, and balancers are told before it ends.
func TestAvailability(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		d := ofKind(all, "Deployment")[0]
		p := pods([]object{d})[0]
		budgets := ofKind(all, "PodDisruptionBudget")
		if len(budgets) != 1 || !selects(budgets[0].at("spec", "selector"), p) || budgets[0].at("spec", "maxUnavailable") != 1 {
			t.Error("no budget for the pods")
		}
		if u := d.at("spec", "strategy", "rollingUpdate", "maxUnavailable"); u != 0 && set != "trial" {
			t.Errorf("maxUnavailable is %v", u)
		}
		if n := d.at("spec", "replicas"); n != nil && n.(int) < 2 && set != "trial" || n == nil && len(ofKind(all, "HorizontalPodAutoscaler")) != 1 {
			t.Errorf("%v replicas", n)
		}
		if len(list(p.at("spec", "topologySpreadConstraints"))) != 2 {
			t.Error("the pods are not spread over nodes and zones")
		}
		c := list(p.at("spec", "containers"))[0]
		for probe, path := range map[string]string{"startupProbe": "/livez", "livenessProbe": "/livez", "readinessProbe": "/readyz"} {
			if c.at(probe, "httpGet", "path") != path || c.at(probe, "httpGet", "port") != "operations" {
				t.Errorf("%s is %v", probe, c[probe])
			}
		}
		stop, _ := c.at("lifecycle", "preStop", "sleep", "seconds").(int)
		grace, _ := p.at("spec", "terminationGracePeriodSeconds").(int)
		if stop < 1 || grace < stop+60 {
			t.Errorf("%d s before the end of %d s", stop, grace)
		}
	})
}

// Every Service leads to the pods that serve, not to a job's, and the ports that are not
// for the world stand in Services of their own.
func TestServices(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		for _, s := range ofKind(all, "Service") {
			for _, p := range pods(all) {
				serves := strings.HasPrefix(p.name, "Deployment")
				if selects(s.at("spec", "selector"), p) != serves {
					t.Errorf("service %v and %s", s.at("metadata", "name"), p.name)
				}
			}
			if s.at("spec", "type") != "ClusterIP" || len(list(s.at("spec", "ports"))) != 1 {
				t.Errorf("service %v", s.at("spec"))
			}
		}
		if want := map[string]int{"publiccloud": 2, "privatecloud": 3, "doctor-portal": 2}[name]; len(ofKind(all, "Service")) != want {
			t.Errorf("%d services", len(ofKind(all, "Service")))
		}
	})
}

// No object holds a secret: they come from the site's own Secret or store.
func TestNoSecretsInCharts(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		if n := len(ofKind(all, "Secret")); n != 0 {
			t.Errorf("%d secrets", n)
		}
		if got, want := len(ofKind(all, "ExternalSecret")), map[string]int{"everything": 1}[set]; got != want {
			t.Errorf("%d external secrets", got)
		}
		kinds := []string{}
		for _, o := range all {
			kinds = append(kinds, o.kind())
		}
		for kind, want := range map[string]bool{"Job": set == "everything", "ServiceMonitor": set == "everything", "PrometheusRule": set == "everything",
			"HorizontalPodAutoscaler": set == "everything", "PersistentVolumeClaim": set == "trial", "ServiceAccount": true} {
			if slices.Contains(kinds, kind) != want {
				t.Errorf("%s: %v", kind, !want)
			}
		}
	})
}

// What a site's own store gives by default is all that the pods are given of the Secret: a
// service refuses a Redis beyond its machine that has no password, so that none may be left out.
func TestExternalSecretsAreAll(t *testing.T) {
	each(t, func(t *testing.T, name, set string, all []object) {
		given := []string{"keys", "passphrase"} // files, by the names that the configuration has
		for _, p := range pods(all) {
			for _, c := range list(p.at("spec", "containers")) {
				for _, e := range list(c["env"]) {
					if key, ok := e.at("valueFrom", "secretKeyRef", "key").(string); ok {
						given = append(given, key)
					}
				}
			}
		}
		for _, o := range ofKind(all, "ExternalSecret") {
			var fetched []string
			for _, d := range list(o.at("spec", "data")) {
				fetched = append(fetched, fmt.Sprint(d["secretKey"]))
			}
			slices.Sort(fetched)
			slices.Sort(given)
			if given = slices.Compact(given); !slices.Equal(given, fetched) {
				t.Errorf("%s with %s: pods are given %v, the store %v", name, set, given, fetched)
			}
		}
	})
}
