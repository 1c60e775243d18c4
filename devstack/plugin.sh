#!/usr/bin/env bash
#
# The lease service in devstack. stack.sh, unstack.sh and clean.sh source this file with the mode and
# the phase as arguments; every phase may run again.

# Under Apache, at the path of its service type, as devstack has every API.
ESI_LEAP_URL=${ESI_LEAP_URL:-$SERVICE_PROTOCOL://$SERVICE_HOST/lease}

function install_esi_leap {
    # The same package brings "openstack esi".
    setup_develop "$ESI_LEAP_DIR" server
}

function configure_esi_leap {
    sudo install -d -o "$STACK_USER" \
        "$ESI_LEAP_CONF_DIR" "$ESI_LEAP_DATA_DIR" "$ESI_LEAP_DUMMY_NODE_DIR"
    # Written anew each time; it has passwords in it.
    install -m 600 /dev/null "$ESI_LEAP_CONF"

    _set_esi_leap DEFAULT debug "$ENABLE_DEBUG_LOG_LEVEL"
    setup_logging "$ESI_LEAP_CONF"
    _set_esi_leap database connection "$(database_connection_url "$ESI_LEAP_DATABASE")"
    _set_esi_leap dummy_node dummy_node_dir "$ESI_LEAP_DUMMY_NODE_DIR"
    _set_esi_leap oslo_middleware enable_proxy_headers_parsing True

    # A token has one scope, so what the service may do in its project and what it may see of the
    # system are two sections.
    configure_keystone_authtoken_middleware "$ESI_LEAP_CONF" esi-leap
    _set_esi_leap keystone_authtoken www_authenticate_uri "$KEYSTONE_SERVICE_URI"
    _configure_esi_leap_peer ironic
    # Devstack has two names for Neutron.
    if is_service_enabled q-svc neutron-api; then
        _configure_esi_leap_peer neutron
    fi
    _configure_esi_leap_auth keystone
    _set_esi_leap keystone system_scope all

    configure_esi_leap_console
    write_uwsgi_config \
        "$ESI_LEAP_UWSGI_CONF" esi_leap.wsgi.api:application /lease "" esi-leap-api
}

function configure_esi_leap_console {
    local scheme=ws
    if is_service_enabled tls-proxy; then
        scheme=wss
        # Certificate and key in one file; Apache does not stand before this port.
        _set_esi_leap serialconsoleproxy cert_file "$DEVSTACK_CERT"
    fi
    _set_esi_leap serialconsoleproxy host_address "$(ipv6_unquote "$SERVICE_LISTEN_ADDRESS")"
    _set_esi_leap serialconsoleproxy port "$ESI_LEAP_CONSOLE_PORT"
    _set_esi_leap serialconsoleproxy public_url "$scheme://$SERVICE_HOST:$ESI_LEAP_CONSOLE_PORT"
}

# _set_esi_leap SECTION OPTION VALUE
function _set_esi_leap {
    iniset "$ESI_LEAP_CONF" "$1" "$2" "$3"
}

# _configure_esi_leap_auth SECTION
# All but the scope.
function _configure_esi_leap_auth {
    _set_esi_leap "$1" auth_type password
    _set_esi_leap "$1" auth_url "$KEYSTONE_SERVICE_URI"
    _set_esi_leap "$1" username esi-leap
    _set_esi_leap "$1" password "$SERVICE_PASSWORD"
    _set_esi_leap "$1" user_domain_name "$SERVICE_DOMAIN_NAME"
    _set_esi_leap "$1" region_name "$REGION_NAME"
    _set_esi_leap "$1" cafile "$SSL_BUNDLE_FILE"
}

# _configure_esi_leap_peer SECTION
# In the project of services.
function _configure_esi_leap_peer {
    _configure_esi_leap_auth "$1"
    _set_esi_leap "$1" project_name "$SERVICE_PROJECT_NAME"
    _set_esi_leap "$1" project_domain_name "$SERVICE_DOMAIN_NAME"
}

# Ironic reads every file of that folder as rules, so it holds this one alone.
function configure_ironic_for_leases {
    local policies=$ESI_LEAP_IRONIC_CONF_DIR/policy.d
    local conf=$ESI_LEAP_IRONIC_CONF_DIR/ironic.conf
    sudo install -D -m 644 "$ESI_LEAP_DIR/policies/ironic/50-esi.yaml" "$policies/50-esi.yaml"
    iniset "$conf" oslo_policy policy_dirs "$policies"
    # A deployment must not write a lessee past the lease service.
    iniset "$conf" conductor automatic_lessee_source none
}

# Ironic's plugin writes ironic.conf anew in the phase in which we add to it.
function check_ironic_for_leases {
    local conf=$ESI_LEAP_IRONIC_CONF_DIR/ironic.conf
    if [[ "$(iniget "$conf" conductor automatic_lessee_source)" != none ]]; then
        die $LINENO "$conf has lost what esi-leap wrote: enable the plugin ironic before esi-leap"
    fi
}

# The rights that it needs, and no others; nobody is a member of the holding project.
function create_esi_leap_accounts {
    local holding
    get_or_create_role esi_leap
    create_service_user esi-leap esi_leap
    get_or_add_user_system_role reader esi-leap all "$SERVICE_DOMAIN_NAME"
    holding=$(get_or_create_project "$ESI_LEAP_HOLDING_PROJECT" "$SERVICE_DOMAIN_NAME")
    die_if_not_set $LINENO holding "Keystone has no project $ESI_LEAP_HOLDING_PROJECT"
    _set_esi_leap manager holding_project "$holding"
    get_or_create_service esi-leap lease "Leases of bare-metal nodes"
    get_or_create_endpoint lease "$REGION_NAME" "$ESI_LEAP_URL"
}

function init_esi_leap {
    recreate_database "$ESI_LEAP_DATABASE"
    "$(get_python_exec_prefix)/esi-leap-dbsync" --config-file "$ESI_LEAP_CONF" upgrade
}

function start_esi_leap {
    local programs
    programs=$(get_python_exec_prefix)
    run_process esi-leap-api \
        "$(command -v uwsgi) --procname-prefix esi-leap-api --ini $ESI_LEAP_UWSGI_CONF" \
        "" "" "ESI_LEAP_CONFIG_FILE=$ESI_LEAP_CONF"
    run_process esi-leap-manager "$programs/esi-leap-manager --config-file $ESI_LEAP_CONF"
    run_process esi-leap-console \
        "$programs/esi-leap-serial-console-proxy --config-file $ESI_LEAP_CONF"
    if is_service_enabled esi-leap-api &&
        ! wait_for_service "$SERVICE_TIMEOUT" "$ESI_LEAP_URL/healthcheck"; then
        die $LINENO "esi-leap-api does not answer at $ESI_LEAP_URL"
    fi
}

function stop_esi_leap {
    stop_process esi-leap-api
    stop_process esi-leap-manager
    stop_process esi-leap-console
}

# Keystone's database and ours go with devstack's database server.
function cleanup_esi_leap {
    remove_uwsgi_config "$ESI_LEAP_UWSGI_CONF" esi-leap-api
    sudo rm -rf "$ESI_LEAP_CONF_DIR" "$ESI_LEAP_DATA_DIR"
    sudo rm -f "$ESI_LEAP_IRONIC_CONF_DIR/policy.d/50-esi.yaml"
}

if is_service_enabled esi-leap-api esi-leap-manager esi-leap-console; then
    case "$1/${2:-}" in
        stack/install)
            echo_summary "Installing esi-leap"
            install_esi_leap
            ;;
        stack/post-config)
            echo_summary "Configuring esi-leap"
            configure_esi_leap
            create_esi_leap_accounts
            if is_service_enabled ir-api ir-cond; then
                configure_ironic_for_leases
            fi
            ;;
        stack/extra)
            echo_summary "Starting esi-leap"
            if is_service_enabled ir-api ir-cond; then
                check_ironic_for_leases
            fi
            stop_esi_leap # what runs keeps its database from being made anew
            init_esi_leap
            start_esi_leap
            ;;
        unstack/)
            stop_esi_leap
            ;;
        clean/)
            cleanup_esi_leap
            ;;
    esac
fi
