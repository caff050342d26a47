package authority

import (
	"bytes"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"

	"medunion/api/problem"
)

// form is the authority's desk: a request is pasted, a certificate is copied. It needs
// neither script nor style.
var form = template.Must(template.New("form").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Development authority</title>
</head>
<body>
<main>
<h1>Development authority</h1>
<p>{{.Notice}}</p>
{{with .Error}}<p role="alert"><strong>{{.}}</strong></p>
{{end}}{{if .Certificate}}<h2>Your certificate</h2>
<p><label for="certificate">Copy it into the doctor’s page</label></p>
<p><textarea id="certificate" rows="12" cols="80" readonly>{{.Certificate}}</textarea></p>
<p><a href="/">Certify another doctor</a></p>
{{else}}<form method="post" action="/">
<p><label for="request">Certificate request from the doctor’s page</label></p>
<p><textarea id="request" name="request" rows="12" cols="80" required>{{.Request}}</textarea></p>
<p><button>Certify</button></p>
</form>
{{end}}</main>
</body>
</html>
`))

type desk struct{ Notice, Error, Request, Certificate string }

func (a *Authority) showForm(c echo.Context) error {
	return show(c, http.StatusOK, desk{Notice: notice})
}

func (a *Authority) takeForm(c echo.Context) error {
	d := desk{Notice: notice, Request: c.FormValue("request")}
	jwt, err := a.issue([]byte(d.Request))
	if err != nil {
		d.Error = problem.From(err).Error()
		return show(c, http.StatusUnprocessableEntity, d)
	}
	d.Certificate = string(jwt)
	return show(c, http.StatusOK, d)
}

func show(c echo.Context, status int, d desk) error {
	var b bytes.Buffer
	if err := form.Execute(&b, d); err != nil {
		return err
	}
	return c.HTMLBlob(status, b.Bytes())
}
