
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'grove' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'grove'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'grove' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('share', 'share', [CompletionResultType]::ParameterValue, 'Share files and folders; prints a ticket and serves until Ctrl-C')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Fetch what a ticket names, or go on where that stopped')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List what a ticket names, without fetching it')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out what keeps people from reaching you, and what to do')
            [CompletionResult]::new('hub', 'hub', [CompletionResultType]::ParameterValue, 'Run a relay and a directory for your team')
            [CompletionResult]::new('id', 'id', [CompletionResultType]::ParameterValue, 'Print the id that peers know you by')
            [CompletionResult]::new('join', 'join', [CompletionResultType]::ParameterValue, 'Use a hub instead of public servers; or list those joined')
            [CompletionResult]::new('leave', 'leave', [CompletionResultType]::ParameterValue, 'Do not use a hub any more')
            [CompletionResult]::new('cache', 'cache', [CompletionResultType]::ParameterValue, 'Show or remove what is kept to save work')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a script that lets a shell complete Grove''s commands')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;share' {
            [CompletionResult]::new('--name', '--name', [CompletionResultType]::ParameterName, 'The name that standard input gets at the other side')
            [CompletionResult]::new('--exclude', '--exclude', [CompletionResultType]::ParameterName, 'Leave out what matches (may be repeated)')
            [CompletionResult]::new('--max-gets', '--max-gets', [CompletionResultType]::ParameterName, 'End after this many complete fetches')
            [CompletionResult]::new('--expire', '--expire', [CompletionResultType]::ParameterName, 'End after this time, such as 2h; the ticket says when')
            [CompletionResult]::new('--for', '--for', [CompletionResultType]::ParameterName, 'Serve only the peer with this id (may be repeated)')
            [CompletionResult]::new('--limit-rate', '--limit-rate', [CompletionResultType]::ParameterName, 'Most bytes a second')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--gitignore', '--gitignore', [CompletionResultType]::ParameterName, 'Leave out what .gitignore files say')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Refuse when something cannot be shared')
            [CompletionResult]::new('--skip-unreadable', '--skip-unreadable', [CompletionResultType]::ParameterName, 'Leave out what cannot be read, instead of refusing')
            [CompletionResult]::new('--snapshot', '--snapshot', [CompletionResultType]::ParameterName, 'Share a copy, so that later changes do not matter')
            [CompletionResult]::new('--once', '--once', [CompletionResultType]::ParameterName, 'End after one complete fetch')
            [CompletionResult]::new('--fresh', '--fresh', [CompletionResultType]::ParameterName, 'Forget who fetched this before the share was stopped')
            [CompletionResult]::new('--direct-only', '--direct-only', [CompletionResultType]::ParameterName, 'Never use a relay')
            [CompletionResult]::new('--relay-only', '--relay-only', [CompletionResultType]::ParameterName, 'Use relays only, never a direct way')
            [CompletionResult]::new('--short', '--short', [CompletionResultType]::ParameterName, 'Print a ticket without addresses, which is shorter')
            [CompletionResult]::new('--qr', '--qr', [CompletionResultType]::ParameterName, 'Show the ticket as a QR code too')
            [CompletionResult]::new('--copy', '--copy', [CompletionResultType]::ParameterName, 'Put the ticket on the clipboard too')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;get' {
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write into this folder, or - for standard output')
            [CompletionResult]::new('--output', '--output', [CompletionResultType]::ParameterName, 'Write into this folder, or - for standard output')
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'Fetch only paths that match (may be repeated)')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long nothing may happen')
            [CompletionResult]::new('--max-size', '--max-size', [CompletionResultType]::ParameterName, 'Refuse what is larger than this, such as 20G')
            [CompletionResult]::new('--limit-rate', '--limit-rate', [CompletionResultType]::ParameterName, 'Most bytes a second')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--overwrite', '--overwrite', [CompletionResultType]::ParameterName, 'Replace other files that are in the way')
            [CompletionResult]::new('--rename', '--rename', [CompletionResultType]::ParameterName, 'Take another name where something is in the way')
            [CompletionResult]::new('--skip', '--skip', [CompletionResultType]::ParameterName, 'Leave what is in the way, do not fetch the new one')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Do not ask anything')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Do not ask anything')
            [CompletionResult]::new('--verify', '--verify', [CompletionResultType]::ParameterName, 'Read again what is here, instead of trusting records')
            [CompletionResult]::new('--fsync', '--fsync', [CompletionResultType]::ParameterName, 'Have every file on the disk before it gets its name')
            [CompletionResult]::new('--sparse', '--sparse', [CompletionResultType]::ParameterName, 'Fetch also what is larger than the free space')
            [CompletionResult]::new('--direct-only', '--direct-only', [CompletionResultType]::ParameterName, 'Never use a relay')
            [CompletionResult]::new('--relay-only', '--relay-only', [CompletionResultType]::ParameterName, 'Use relays only, never a direct way')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;ls' {
            [CompletionResult]::new('--only', '--only', [CompletionResultType]::ParameterName, 'List only paths that match (may be repeated)')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'How long nothing may happen')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--tree', '--tree', [CompletionResultType]::ParameterName, 'Show folders and what is in them as a tree')
            [CompletionResult]::new('--direct-only', '--direct-only', [CompletionResultType]::ParameterName, 'Never use a relay')
            [CompletionResult]::new('--relay-only', '--relay-only', [CompletionResultType]::ParameterName, 'Use relays only, never a direct way')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;doctor' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Read settings from this file, not from hub.toml')
            [CompletionResult]::new('--public-addr', '--public-addr', [CompletionResultType]::ParameterName, 'Clients reach it under this name or address')
            [CompletionResult]::new('--domain', '--domain', [CompletionResultType]::ParameterName, 'Get a certificate for this name from Let''s Encrypt')
            [CompletionResult]::new('--acme-contact', '--acme-contact', [CompletionResultType]::ParameterName, 'The mail address that Let''s Encrypt may write to')
            [CompletionResult]::new('--acme-directory', '--acme-directory', [CompletionResultType]::ParameterName, 'Another authority than Let''s Encrypt: the address of its ACME directory')
            [CompletionResult]::new('--acme-root', '--acme-root', [CompletionResultType]::ParameterName, 'The root of an authority that not everybody knows, PEM')
            [CompletionResult]::new('--cert', '--cert', [CompletionResultType]::ParameterName, 'Use this certificate: the whole chain, PEM')
            [CompletionResult]::new('--key', '--key', [CompletionResultType]::ParameterName, 'The key of the certificate, PEM')
            [CompletionResult]::new('--trust-proxy', '--trust-proxy', [CompletionResultType]::ParameterName, 'Believe this proxy when it says for whom it asks')
            [CompletionResult]::new('--quic-port', '--quic-port', [CompletionResultType]::ParameterName, 'UDP port of address discovery; 0 for none')
            [CompletionResult]::new('--dns-port', '--dns-port', [CompletionResultType]::ParameterName, 'Answer DNS at this port; 0 switches it off')
            [CompletionResult]::new('--dns-origin', '--dns-origin', [CompletionResultType]::ParameterName, 'Answer DNS below this name')
            [CompletionResult]::new('--metrics', '--metrics', [CompletionResultType]::ParameterName, 'Tell metrics and health here, such as 127.0.0.1:9090')
            [CompletionResult]::new('--max-connections', '--max-connections', [CompletionResultType]::ParameterName, 'Most connections at once')
            [CompletionResult]::new('--max-connections-per-address', '--max-connections-per-address', [CompletionResultType]::ParameterName, 'Most connections at once from one address')
            [CompletionResult]::new('--client-rate', '--client-rate', [CompletionResultType]::ParameterName, 'Most bytes a second that one client may send through the relay, such as 2M')
            [CompletionResult]::new('--max-records', '--max-records', [CompletionResultType]::ParameterName, 'Most records in the directory')
            [CompletionResult]::new('--max-records-per-address', '--max-records-per-address', [CompletionResultType]::ParameterName, 'Most records in the directory from one address')
            [CompletionResult]::new('--max-puts-per-address', '--max-puts-per-address', [CompletionResultType]::ParameterName, 'Most records that one address may publish in a minute')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--plain-http', '--plain-http', [CompletionResultType]::ParameterName, 'Speak HTTP to a proxy in front that ends TLS')
            [CompletionResult]::new('--open', '--open', [CompletionResultType]::ParameterName, 'Let in everybody, without a token')
            [CompletionResult]::new('--no-relay', '--no-relay', [CompletionResultType]::ParameterName, 'Run no relay')
            [CompletionResult]::new('--no-directory', '--no-directory', [CompletionResultType]::ParameterName, 'Run no directory')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Who is let in: list, add and remove tokens')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show how the hub on this computer is doing')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;hub;token' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the tokens by name, and how many use each')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make a token, and print the line to join with it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the line to join with a token again')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a token away; whoever is connected with it is disconnected')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;hub;token;list' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub;token;add' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub;token;show' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub;token;remove' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub;token;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the tokens by name, and how many use each')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make a token, and print the line to join with it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the line to join with a token again')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a token away; whoever is connected with it is disconnected')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;hub;token;help;list' {
            break
        }
        'grove;hub;token;help;add' {
            break
        }
        'grove;hub;token;help;show' {
            break
        }
        'grove;hub;token;help;remove' {
            break
        }
        'grove;hub;token;help;help' {
            break
        }
        'grove;hub;status' {
            [CompletionResult]::new('--data', '--data', [CompletionResultType]::ParameterName, 'Keep the hub''s files here')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;hub;help' {
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Who is let in: list, add and remove tokens')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show how the hub on this computer is doing')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;hub;help;token' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the tokens by name, and how many use each')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make a token, and print the line to join with it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the line to join with a token again')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a token away; whoever is connected with it is disconnected')
            break
        }
        'grove;hub;help;token;list' {
            break
        }
        'grove;hub;help;token;add' {
            break
        }
        'grove;hub;help;token;show' {
            break
        }
        'grove;hub;help;token;remove' {
            break
        }
        'grove;hub;help;status' {
            break
        }
        'grove;hub;help;help' {
            break
        }
        'grove;id' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;join' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;leave' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;cache;list' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache;clear' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;cache;help' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;cache;help;list' {
            break
        }
        'grove;cache;help;clear' {
            break
        }
        'grove;cache;help;help' {
            break
        }
        'grove;completions' {
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;man' {
            [CompletionResult]::new('--dir', '--dir', [CompletionResultType]::ParameterName, 'Write all pages into this folder instead')
            [CompletionResult]::new('--home', '--home', [CompletionResultType]::ParameterName, 'Keep identity, settings and caches here')
            [CompletionResult]::new('--hub', '--hub', [CompletionResultType]::ParameterName, 'Use this hub, not those you joined')
            [CompletionResult]::new('--bind', '--bind', [CompletionResultType]::ParameterName, 'Listen at this port or address, such as 4433 or 192.0.2.7:4433')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print one JSON object a line instead of text')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print only the result and errors')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Explain what is done; twice for the network too')
            [CompletionResult]::new('--offline', '--offline', [CompletionResultType]::ParameterName, 'Use no relay and no directory')
            [CompletionResult]::new('--no-lan', '--no-lan', [CompletionResultType]::ParameterName, 'Do not look for peers on the local network')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'grove;help' {
            [CompletionResult]::new('share', 'share', [CompletionResultType]::ParameterValue, 'Share files and folders; prints a ticket and serves until Ctrl-C')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Fetch what a ticket names, or go on where that stopped')
            [CompletionResult]::new('ls', 'ls', [CompletionResultType]::ParameterValue, 'List what a ticket names, without fetching it')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find out what keeps people from reaching you, and what to do')
            [CompletionResult]::new('hub', 'hub', [CompletionResultType]::ParameterValue, 'Run a relay and a directory for your team')
            [CompletionResult]::new('id', 'id', [CompletionResultType]::ParameterValue, 'Print the id that peers know you by')
            [CompletionResult]::new('join', 'join', [CompletionResultType]::ParameterValue, 'Use a hub instead of public servers; or list those joined')
            [CompletionResult]::new('leave', 'leave', [CompletionResultType]::ParameterValue, 'Do not use a hub any more')
            [CompletionResult]::new('cache', 'cache', [CompletionResultType]::ParameterValue, 'Show or remove what is kept to save work')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print a script that lets a shell complete Grove''s commands')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'grove;help;share' {
            break
        }
        'grove;help;get' {
            break
        }
        'grove;help;ls' {
            break
        }
        'grove;help;doctor' {
            break
        }
        'grove;help;hub' {
            [CompletionResult]::new('token', 'token', [CompletionResultType]::ParameterValue, 'Who is let in: list, add and remove tokens')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show how the hub on this computer is doing')
            break
        }
        'grove;help;hub;token' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the tokens by name, and how many use each')
            [CompletionResult]::new('add', 'add', [CompletionResultType]::ParameterValue, 'Make a token, and print the line to join with it')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Print the line to join with a token again')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a token away; whoever is connected with it is disconnected')
            break
        }
        'grove;help;hub;token;list' {
            break
        }
        'grove;help;hub;token;add' {
            break
        }
        'grove;help;hub;token;show' {
            break
        }
        'grove;help;hub;token;remove' {
            break
        }
        'grove;help;hub;status' {
            break
        }
        'grove;help;id' {
            break
        }
        'grove;help;join' {
            break
        }
        'grove;help;leave' {
            break
        }
        'grove;help;cache' {
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Show what is kept, and how much room it takes')
            [CompletionResult]::new('clear', 'clear', [CompletionResultType]::ParameterValue, 'Remove everything that no running share uses')
            break
        }
        'grove;help;cache;list' {
            break
        }
        'grove;help;cache;clear' {
            break
        }
        'grove;help;completions' {
            break
        }
        'grove;help;man' {
            break
        }
        'grove;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
