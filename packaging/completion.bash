complete -o default -o bashdefault -C /usr/bin/doorstation doorstation
