#!/usr/bin/env bash
# Runs a Kubernetes of one node in namespaces of its own (mounts, processes, network), so that pods really run and
# nothing else on this machine sees any of it. box.ts makes FOLDER, with credentials and configuration, and starts this.
#
#   box.sh run FOLDER     prints "ready PID" when the node is Ready; PID is that of the box's init.
#
# It runs until its standard input ends, as it does when whoever started it ends in any way. Then nothing is left: no
# process, no mount, no network device, no cgroup, and no FOLDER. Needs Linux and root.
set -euo pipefail

# In the box's own network, which no other box and no other program shares.
NODE_ADDRESS=10.0.0.10
API_PORT=6443
SERVICES=10.96.0
ETCD=http://127.0.0.1:2379
# Limits of waiting.
READY_SECONDS=180

# --- on the machine -------------------------------------------------------------------------------------------------

run() {
  mkdir -p "$FOLDER/log"
  trap tear_down EXIT
  trap 'exit 143' TERM INT HUP
  # If this shell is killed, unshare is, and with it everything in the box.
  setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc --net \
    bash "$0" init "$FOLDER" >>"$FOLDER/log/box.log" 2>&1 </dev/null &
  UNSHARE=$!
  until [[ -e $FOLDER/ready ]]; do
    if [[ -e $FOLDER/failed ]] || ! kill -0 "$UNSHARE" 2>/dev/null; then
      tail -n 40 "$FOLDER/log/box.log" >&2
      exit 1
    fi
    sleep 0.05
  done
  local children
  children=$(<"/proc/$UNSHARE/task/$UNSHARE/children")
  echo "ready ${children%% *}"
  cat >/dev/null
}

# The end of the box's init is the end of all its processes, and of its mounts and network with them.
tear_down() {
  local code=$?
  trap - EXIT
  if [[ -n ${UNSHARE:-} ]]; then
    kill -KILL "$UNSHARE" 2>/dev/null || true
    wait "$UNSHARE" 2>/dev/null || true
  fi
  if [[ -n ${KEEP_LOGS:-} ]]; then
    mkdir -p "$KEEP_LOGS" && cp -r "$FOLDER/log" "$FOLDER/pods" "$KEEP_LOGS/" 2>/dev/null || true
  fi
  unshare --mount --propagation private bash "$0" remove-cgroups "$FOLDER" || true
  rm -rf --one-file-system "$FOLDER"
  exit "$code"
}

# --- cgroups --------------------------------------------------------------------------------------------------------

has_cgroup2() { [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]; }

# Every hierarchy of version 1, or the one of version 2. In a sandbox without any, version 1 in this mount namespace.
cgroup_hierarchies() {
  if has_cgroup2; then
    echo /sys/fs/cgroup
    return
  fi
  local controller
  if ! mountpoint -q /sys/fs/cgroup/memory; then
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for controller in cpu cpuacct cpuset memory devices freezer blkio pids; do
      mkdir -p "/sys/fs/cgroup/$controller"
      mount -t cgroup -o "$controller" "$controller" "/sys/fs/cgroup/$controller"
    done
  fi
  for controller in /sys/fs/cgroup/*/; do
    [[ $controller != */unified/ && -e $controller/cgroup.procs ]] && echo "${controller%/}"
  done
  return 0
}

# What the kubelet takes for the root of its own tree.
make_cgroups() {
  local hierarchy
  for hierarchy in $(cgroup_hierarchies); do
    mkdir -p "$hierarchy/$CGROUP"
    if [[ -f $hierarchy/cpuset.cpus ]]; then
      cat "$hierarchy/cpuset.cpus" >"$hierarchy/$CGROUP/cpuset.cpus"
      cat "$hierarchy/cpuset.mems" >"$hierarchy/$CGROUP/cpuset.mems"
    fi
    if has_cgroup2; then
      local controller
      for controller in cpuset cpu io memory pids hugetlb; do
        echo "+$controller" >"$hierarchy/cgroup.subtree_control" 2>/dev/null || true
        echo "+$controller" >"$hierarchy/$CGROUP/cgroup.subtree_control" 2>/dev/null || true
      done
    fi
  done
}

# Where cgroups of this box may be: also in the hierarchy of version 2 that some systems have beside those of version 1.
cgroup_places() {
  cgroup_hierarchies
  [[ -d /sys/fs/cgroup/unified ]] && echo /sys/fs/cgroup/unified
  return 0
}

# A cgroup can be removed a moment after its last process is gone, and after those below it.
remove_cgroups() {
  local hierarchy attempt left
  for attempt in {1..40}; do
    left=
    for hierarchy in $(cgroup_places); do
      [[ -d $hierarchy/$CGROUP ]] || continue
      find "$hierarchy/$CGROUP" -depth -type d -exec rmdir {} \; 2>/dev/null || true
      [[ -d $hierarchy/$CGROUP ]] && left=yes
    done
    [[ -z $left ]] && return 0
    sleep 0.1
  done
  echo "cgroup $CGROUP could not be removed" >&2
  return 1
}

# --- in the box -----------------------------------------------------------------------------------------------------

init() {
  trap 'touch "$FOLDER/failed"' EXIT
  isolate
  start
  trap - EXIT
  touch "$FOLDER/ready"
  # The parent of all that loses its own: bash takes note of their ends.
  while :; do
    sleep 3600 &
    wait $!
  done
}

isolate() {
  # The kubelet wants its mounts to reach into containers: within the box.
  mount --make-rshared /
  make_cgroups
  local folder
  for folder in /run /var/lib /var/log; do mount -t tmpfs tmpfs "$folder"; done
  # The kubelet sets these for the whole machine: let it set copies.
  local sysctl
  for sysctl in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys \
    kernel/keys/root_maxbytes; do
    [[ -e /proc/sys/$sysctl ]] || continue
    mkdir -p "/run/sysctl/${sysctl%/*}"
    cat "/proc/sys/$sysctl" >"/run/sysctl/$sysctl"
    mount --bind "/run/sysctl/$sysctl" "/proc/sys/$sysctl"
  done
  ip link set lo up
  # A node needs an address that is not loopback; there is nobody at the other end.
  ip link add eth0 type veth peer name nobody
  ip address add "$NODE_ADDRESS/24" dev eth0
  ip link set nobody up
  ip link set eth0 up
  ip route add default via 10.0.0.1
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

start() {
  local pki=$FOLDER/pki admin=$FOLDER/admin.kubeconfig
  program etcd etcd --data-dir="$FOLDER/etcd" --unsafe-no-fsync --listen-client-urls="$ETCD" \
    --advertise-client-urls="$ETCD" --listen-peer-urls=http://127.0.0.1:0
  program containerd containerd --config "$FOLDER/containerd.toml"
  program kube-apiserver kube-apiserver --etcd-servers="$ETCD" --secure-port=$API_PORT \
    --advertise-address="$NODE_ADDRESS" --service-cluster-ip-range=$SERVICES.0/24 --cert-dir="$FOLDER/work" \
    --client-ca-file="$pki/ca.crt" --tls-cert-file="$pki/serving.crt" --tls-private-key-file="$pki/serving.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-accounts.pub" \
    --service-account-signing-key-file="$pki/service-accounts.key" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --kubelet-client-certificate="$pki/admin.crt" --kubelet-client-key="$pki/admin.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP
  await containerd containerd_ctl version
  containerd_ctl images import "$FOLDER/pause.tar"
  await kube-apiserver kubectl --kubeconfig="$admin" get --raw /readyz
  # The DNS server as a program of the node, at the address that pods are told.
  ip address add "$SERVICES.10/32" dev lo
  program coredns coredns -conf "$FOLDER/Corefile"
  program kube-controller-manager kube-controller-manager --kubeconfig="$admin" --leader-elect=false \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
    --cert-dir="$FOLDER/work"
  program kube-scheduler kube-scheduler --kubeconfig="$admin" --leader-elect=false --cert-dir="$FOLDER/work"
  program kubelet kubelet --config="$FOLDER/kubelet.yaml" --kubeconfig="$FOLDER/kubelet.kubeconfig" \
    --root-dir="$FOLDER/kubelet" --cert-dir="$FOLDER/work" --hostname-override=node-1 --node-ip="$NODE_ADDRESS"
  program kube-proxy kube-proxy --kubeconfig="$admin" --hostname-override=node-1 --proxy-mode=iptables \
    --cluster-cidr=10.244.0.0/16 --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0s \
    --conntrack-tcp-timeout-close-wait=0s
  await kubelet kubectl --kubeconfig="$admin" wait --for=condition=Ready node/node-1 --timeout=1s
  await kube-controller-manager kubectl --kubeconfig="$admin" --namespace=default get serviceaccount default
}

# program NAME COMMAND…: runs it beside the others.
program() {
  local name=$1
  shift
  "$@" >>"$FOLDER/log/$name.log" 2>&1 </dev/null &
  PIDS[$name]=$!
}

# await NAME COMMAND…: until the command succeeds. The reason is told when a program ends, or NAME is not ready in time.
await() {
  local name=$1 each
  shift
  until "$@" >/dev/null 2>&1; do
    for each in "${!PIDS[@]}"; do
      if ! kill -0 "${PIDS[$each]}" 2>/dev/null; then
        echo "$each ended at its start:"
        tail -n 10 "$FOLDER/log/$each.log"
        return 1
      fi
    done
    if ((SECONDS > READY_SECONDS)); then
      echo "$name was not ready within $READY_SECONDS s:"
      tail -n 10 "$FOLDER/log/$name.log"
      return 1
    fi
    sleep 0.1
  done
}

containerd_ctl() { ctr --address "$FOLDER/containerd.sock" --namespace k8s.io "$@"; }

declare -A PIDS=()
verb=${1:?usage: box.sh run FOLDER}
FOLDER=${2:?usage: box.sh run FOLDER}
# One of its own, as the folder is. The kubelet's configuration names it.
CGROUP=${FOLDER##*/}
case $verb in
  run) run ;;
  init) init ;;
  remove-cgroups) remove_cgroups ;;
  *) exit 2 ;;
esac
