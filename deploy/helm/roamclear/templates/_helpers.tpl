{{- define "roamclear.labels" -}}
app.kubernetes.io/name: roamclear
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "roamclear.selector" -}}
app.kubernetes.io/name: roamclear
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "roamclear.name" -}}
{{- if contains "roamclear" .Release.Name }}{{ .Release.Name }}{{ else }}{{ .Release.Name }}-roamclear{{ end }}
{{- end }}

{{- /* The port of a setting such as 0.0.0.0:8080. */ -}}
{{- define "roamclear.port" -}}
{{- splitList ":" . | last -}}
{{- end }}

{{- define "roamclear.scheme" -}}
{{- $tls := .Values.config.tls | default dict -}}
{{- if eq ($tls.client_auth | default "off") "require" }}{{ fail "config.tls.client_auth: require: probes have no certificate; set it to request, and require one of each partner (roamclear partner cert require)" }}{{ end -}}
{{- if $tls.cert }}HTTPS{{ else }}HTTP{{ end -}}
{{- end }}
