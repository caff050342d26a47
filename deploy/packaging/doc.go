// Package packaging holds what the project is shipped as to what it promises: releases
// that are the same bytes again, images, charts, compose files and systemd units under
// which a service gets what it needs and nothing else.
package packaging
