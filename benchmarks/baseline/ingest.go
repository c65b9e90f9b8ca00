package baseline

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/segmentio/kafka-go"
)

// Topic is where the baseline keeps its CDRs.
const Topic = "baseline.cdrs"

// NewWriter is the documented way to write safely with kafka-go.
func NewWriter(broker string) *kafka.Writer {
	return &kafka.Writer{
		Addr:         kafka.TCP(broker),
		Topic:        Topic,
		Balancer:     &kafka.Hash{},
		BatchTimeout: 10 * time.Millisecond,
		BatchSize:    1000,
		RequiredAcks: kafka.RequireAll,
	}
}

// Handler serves POST /cdrs.
func Handler(w *kafka.Writer) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.POST("/cdrs", func(c *gin.Context) {
		var cdr CDR
		if err := c.ShouldBindBodyWithJSON(&cdr); err != nil {
			c.JSON(http.StatusOK, gin.H{"status_code": 2001, "status_message": err.Error(), "timestamp": now()})
			return
		}
		err := w.WriteMessages(c.Request.Context(), kafka.Message{
			Key:     []byte(strings.ToUpper(cdr.CountryCode + "*" + cdr.PartyID + "*" + cdr.ID)),
			Value:   c.MustGet(gin.BodyBytesKey).([]byte),
			Headers: []kafka.Header{{Key: "received", Value: []byte(now())}},
		})
		if err != nil {
			c.JSON(http.StatusServiceUnavailable, gin.H{"status_code": 3000, "status_message": err.Error(), "timestamp": now()})
			return
		}
		c.Header("Location", "/cdrs/"+cdr.CountryCode+"/"+cdr.PartyID+"/"+cdr.ID)
		c.JSON(http.StatusCreated, gin.H{"status_code": 1000, "status_message": "Success", "timestamp": now()})
	})
	return r
}

func now() string { return time.Now().UTC().Format(time.RFC3339) }
