{{/* Short enough for what is put behind it, such as -simulator. */}}
{{- define "atlas-cert-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "atlas-cert-operator.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "atlas-cert-operator.fullname" .) }}
{{- end }}

{{- define "atlas-cert-operator.image" -}}
{{- with .Values.image }}
{{- if .registry }}{{ .registry }}/{{ end }}{{ .repository }}
{{- if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* What a Deployment selects its pods by. Part of what can't be changed in a Deployment: the same for all versions. */}}
{{- define "atlas-cert-operator.selectorLabels" -}}
app.kubernetes.io/name: atlas-cert-operator
app.kubernetes.io/instance: {{ .root.Release.Name | quote }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The labels of an object; its own go before commonLabels. Takes root and component. */}}
{{- define "atlas-cert-operator.labels" -}}
{{- $own := include "atlas-cert-operator.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" (.root.Chart.AppVersion | toString) }}
{{- $_ := set $own "app.kubernetes.io/part-of" "atlas-cert-operator" }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .root.Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $own .root.Values.commonLabels | toYaml }}
{{- end }}

{{/* The labels of a pod: without the versions, so that a new one alone restarts nothing. Takes root, component, more. */}}
{{- define "atlas-cert-operator.podLabels" -}}
{{- $own := include "atlas-cert-operator.selectorLabels" . | fromYaml }}
{{- merge $own (.more | default dict) .root.Values.commonLabels | toYaml }}
{{- end }}

{{/* What all pods of the chart have in common. */}}
{{- define "atlas-cert-operator.podSettings" -}}
enableServiceLinks: false
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
