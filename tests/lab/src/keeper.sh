# Takes a lab down: when the process that holds the other end of the pipe has closed it, or is gone in whatever way.
#
#   sh keeper.sh ID FOLDER
#
# Only what carries the lab's mark is ended: processes by the variable that the lab gave to each it started (their children have it, too), and
# namespaces by their name. Somebody who looks into a namespace with a shell of his own keeps his shell.
trap '' INT TERM HUP PIPE
id=$1
folder=$2
cat >/dev/null

# Links down first: Linux 6.18 lets the frames of a loop go round for ever, at full speed, where their namespace is removed meanwhile.
for namespace in /run/netns/"$id"-*; do
    [ ! -e "$namespace" ] || ip -netns "${namespace##*/}" link set group default down
done
# Then names: nothing can enter a namespace that has none.
for namespace in /run/netns/"$id"-*; do
    [ ! -e "$namespace" ] || ip netns delete "${namespace##*/}"
done
tries=0
while [ $tries -lt 200 ]; do
    marked=$(grep -alsz "^TAPSCOPE_LAB=$id\$" /proc/[0-9]*/environ | cut -d/ -f3)
    [ -n "$marked" ] || break
    # shellcheck disable=SC2086
    kill -KILL $marked 2>/dev/null
    sleep 0.02
    tries=$((tries + 1))
done
for resolver in /etc/netns/"$id"-*; do
    [ ! -e "$resolver" ] || rm -r "$resolver"
done
[ ! -d /etc/netns ] || rmdir /etc/netns 2>/dev/null
rm -rf "$folder"
