package messages

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
)

// masked stands for a secret.
const masked = "***"

// Credentials is a body of the credentials module without tokens: whatever is called
// "token" in it, at any depth and in any letters. One that is no JSON is not kept at all.
func Credentials(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return []byte(`"it is no JSON"`)
	}
	out, err := json.Marshal(withoutTokens(v))
	if err != nil {
		return nil // what was decoded can be encoded
	}
	return out
}

func withoutTokens(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			if v[name] = withoutTokens(member); strings.EqualFold(name, "token") {
				v[name] = masked
			}
		}
	case []any:
		for i := range v {
			v[i] = withoutTokens(v[i])
		}
	}
	return v
}

// minSecret is how long a secret is at least that is looked for in texts.
const minSecret = 6

// Mask is a text without a secret, such as the token of the request it came with, as it
// is and in Base64.
func Mask(body []byte, secret string) []byte {
	if len(secret) < minSecret {
		return body
	}
	forms := [][]byte{[]byte(secret), []byte(base64.StdEncoding.EncodeToString([]byte(secret)))}
	if plain, err := base64.StdEncoding.DecodeString(secret); err == nil && len(plain) >= minSecret {
		forms = append(forms, plain)
	}
	for _, form := range forms {
		if bytes.Contains(body, form) {
			body = bytes.ReplaceAll(body, form, []byte(masked))
		}
	}
	return body
}

// Path is the path of a request about a module without what must not be found there: uids
// of Tokens, and the signatures of the URLs that results of commands are sent to. own says
// that it is one of ours.
func Path(path, module string, own bool) string {
	if module != "tokens" && (module != "commands" || !own) {
		return path
	}
	at := strings.Index(path, "/"+module+"/")
	if at < 0 {
		return path
	}
	head, rest := path[:at+len(module)+2], path[at+len(module)+2:]
	rest, query, asked := strings.Cut(rest, "?")
	parts := strings.Split(rest, "/")
	hidden := len(parts) - 1 // of a result the signature
	if module == "tokens" {
		hidden = 2 // behind the owner
		if len(parts) < 3 {
			hidden = 0 // in front of "authorize"
		}
	} else if len(parts) < 5 {
		return path
	}
	if hidden < len(parts) && parts[hidden] != "" {
		parts[hidden] = masked
	}
	path = head + strings.Join(parts, "/")
	if asked {
		path += "?" + query
	}
	return path
}
