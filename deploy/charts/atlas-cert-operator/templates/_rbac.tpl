{{/*
The rules of a file in files/rbac, comments and all. They come from deploy/rbac, which the operator is tested with; the
lease and the Secret are called as the release wants it. Takes root and file.
*/}}
{{- define "atlas-cert-operator.rules" -}}
{{- .root.Files.Get (printf "files/rbac/%s" .file) | regexFind "(?s)(^|\n)rules:\n.*$" | trim | replace "[atlas-cert-operator]" (printf "[%s]" (include "atlas-cert-operator.fullname" .root)) | replace "[atlas-default-credentials]" (printf "[%s]" .root.Values.atlas.defaultCredentials.existingSecret) }}
{{- end }}

{{- define "atlas-cert-operator.subjects" -}}
- kind: ServiceAccount
  name: {{ include "atlas-cert-operator.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end }}
