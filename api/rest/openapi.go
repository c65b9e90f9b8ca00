package rest

import (
	"crypto/sha256"
	_ "embed"
	"fmt"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/roamclear/roamclear/api"
)

//go:embed openapi.yaml
var openAPIYAML []byte

// openAPITag changes with the document, and with it what is rendered of it.
var openAPITag = fmt.Sprintf("%x", sha256.Sum256(slices.Concat(openAPIYAML, []byte(docsHTML), []byte(docsCSS))))

// OpenAPI answers GET /api/v1/openapi.yaml, to everybody.
func OpenAPI(c *gin.Context) {
	if api.Unchanged(c, openAPITag) {
		return
	}
	c.Data(http.StatusOK, "application/yaml; charset=utf-8", openAPIYAML)
}
