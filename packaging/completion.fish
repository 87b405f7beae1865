function __complete_doorstation
    set -lx COMP_LINE (commandline -cp)
    test -z (commandline -ct)
    and set COMP_LINE "$COMP_LINE "
    /usr/bin/doorstation
end
complete -f -c doorstation -a "(__complete_doorstation)"
