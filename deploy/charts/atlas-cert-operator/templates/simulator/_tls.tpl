{{- define "atlas-cert-operator.simulator.name" -}}
{{ include "atlas-cert-operator.fullname" . }}-simulator
{{- end }}

{{- define "atlas-cert-operator.simulator.host" -}}
{{ include "atlas-cert-operator.simulator.name" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "atlas-cert-operator.simulator.url" -}}
https://{{ include "atlas-cert-operator.simulator.host" . }}
{{- end }}

{{- define "atlas-cert-operator.simulator.tlsSecret" -}}
{{ .Values.simulator.tls.existingSecret | default (printf "%s-tls" (include "atlas-cert-operator.simulator.name" .)) }}
{{- end }}

{{/*
The data of the Secret with the simulator's certificate: what the cluster holds already, else a new one. Kept in the
values for the rest of the rendering, since a second call would make a second certificate.
*/}}
{{- define "atlas-cert-operator.simulator.tlsData" -}}
{{- if not (hasKey .Values.simulator "madeTlsData") }}
{{- $present := lookup "v1" "Secret" .Release.Namespace (include "atlas-cert-operator.simulator.tlsSecret" .) }}
{{- if $present }}
{{- $_ := set .Values.simulator "madeTlsData" $present.data }}
{{- else }}
{{- $host := include "atlas-cert-operator.simulator.host" . }}
{{- /* Another name than the certificate's: two of one name look like one that signed itself. */}}
{{- $authority := genCA "atlas-simulator-ca" 3650 }}
{{- $pair := genSignedCert "atlas-simulator" nil (list $host) 3650 $authority }}
{{- $_ := set .Values.simulator "madeTlsData" (dict "ca.crt" (b64enc $authority.Cert) "tls.crt" (b64enc $pair.Cert) "tls.key" (b64enc $pair.Key)) }}
{{- end }}
{{- end }}
{{- toYaml .Values.simulator.madeTlsData }}
{{- end }}

{{/* Changes with what the pods read once, at their start. */}}
{{- define "atlas-cert-operator.simulator.checksum" -}}
{{- if .Values.simulator.tls.existingSecret }}
{{- sha256sum .Values.simulator.tls.existingSecret }}
{{- else }}
{{- sha256sum (include "atlas-cert-operator.simulator.tlsData" .) }}
{{- end }}
{{- end }}
