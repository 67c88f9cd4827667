/** API group of all kinds. */
export const API_GROUP = "atlascerts.io";
export const API_VERSION = "v1alpha1";

/** Every label and annotation of the operator's own starts with this; users can't set such keys in secretTemplate. */
export const OWN_PREFIX = `${API_GROUP}/`;

/** On the AtlasUserCertificate: any new value asks for one new certificate. */
export const RENEW_REQUEST_ANNOTATION = `${OWN_PREFIX}renew-requested-at`;

/** On the Secret: selects it for the operator's watch. Its loss is repaired; it proves nothing. */
export const MANAGED_LABEL = `${OWN_PREFIX}managed`;

/** On the Secret: what it was issued for and what it holds. A Secret without `certificateUid` is foreign. */
export const SECRET_ANNOTATIONS = {
  certificateName: `${OWN_PREFIX}certificate-name`,
  certificateUid: `${OWN_PREFIX}certificate-uid`,
  projectId: `${OWN_PREFIX}project-id`,
  username: `${OWN_PREFIX}username`,
  serialNumber: `${OWN_PREFIX}serial-number`,
  notAfter: `${OWN_PREFIX}not-after`,
  fingerprint: `${OWN_PREFIX}fingerprint`,
} as const;

/** On a Secret with a keystore: ties the keystore to its certificate and its password, and reveals neither. */
export const KEYSTORE_ANNOTATION = `${OWN_PREFIX}keystore`;

/** On the Secret, for a moment: a write that proves that the storage takes writes before a certificate is issued. */
export const WRITE_CHECK_ANNOTATION = `${OWN_PREFIX}write-checked-at`;

/** On any object that was made by `kubectl apply`: a copy of what was applied, a Secret's data with it. */
export const LAST_APPLIED_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";

/** The name under which the operator's writes stand in `metadata.managedFields`. */
export const FIELD_MANAGER = "atlas-cert-operator";

/** On a Secret of the operator's namespace: an AtlasProjectX509 may name it as its credentials. */
export const CREDENTIALS_LABEL = `${OWN_PREFIX}credentials`;

/** On a pod: `true` says that its apps read mounted files again when they change. */
export const RELOADS_ANNOTATION = `${OWN_PREFIX}reloads`;

/** On the pod template of a workload: when the newest certificate was written that its last restart brought to its pods. */
export const RESTART_ANNOTATION = `${OWN_PREFIX}restarted-at`;
