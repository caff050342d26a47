package e2e_test

import (
	"bytes"
	"fmt"
	"os"

	"github.com/skip2/go-qrcode"
)

// show lets the camera see a QR code of the text from now on: a film of one picture, in
// shades of grey, in the format Y4M.
func show(path, text string) error {
	const width, height = 640, 480
	q, err := qrcode.New(text, qrcode.Medium)
	if err != nil {
		return err
	}
	bits := q.Bitmap()
	scale := (height - 40) / len(bits)
	left, top := (width-scale*len(bits))/2, (height-scale*len(bits))/2
	luma := bytes.Repeat([]byte{235}, width*height)
	for y, row := range bits {
		for x, dark := range row {
			if !dark {
				continue
			}
			for dy := range scale {
				at := (top+y*scale+dy)*width + left + x*scale
				copy(luma[at:at+scale], bytes.Repeat([]byte{16}, scale))
			}
		}
	}
	var film bytes.Buffer
	fmt.Fprintf(&film, "YUV4MPEG2 W%d H%d F5:1 Ip A1:1 C420jpeg\n", width, height)
	for range 5 {
		film.WriteString("FRAME\n")
		film.Write(luma)
		film.Write(bytes.Repeat([]byte{128}, width*height/2))
	}
	return os.WriteFile(path, film.Bytes(), 0o600)
}
