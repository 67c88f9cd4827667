{{/*
The rules of a file in files/rbac, comments and all. They come from deploy/rbac, which the operator is tested with; the
lease and the Secret are called as the release wants it. Takes root and file.
*/}}
{{- define "atlas-cert-operator.rules" -}}
{{- $name := include "atlas-cert-operator.fullname" .root }}
{{- if eq .file "default-credentials-role.yaml" }}
{{- $name = .root.Values.atlas.defaultCredentials.existingSecret }}
{{- end }}
{{- $rules := .root.Files.Get (printf "files/rbac/%s" .file) | regexFind "(?s)(^|\n)rules:\n.*$" | trim }}
{{- regexReplaceAll "resourceNames: .*" $rules (printf "resourceNames: [%q]" $name) }}
{{- end }}

{{- define "atlas-cert-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "atlas-cert-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
