#include "orchestration/project/shapes.hpp"

namespace orchestration {
namespace {

// --- single values ---

constexpr shape text{kind::text};
constexpr shape boolean{kind::boolean};
constexpr shape integer{kind::integer};
constexpr shape number{kind::number};
// Text as well where a variable can stand, which comes as text; the value is read later.
constexpr shape boolean_text{kind::boolean | kind::text};
constexpr shape integer_text{kind::integer | kind::text};
constexpr shape number_text{kind::number | kind::text};
constexpr shape text_or_null{kind::text | kind::null};
constexpr shape scalar_or_null{kind::text | kind::number | kind::boolean | kind::null};
constexpr shape scalar{kind::text | kind::number | kind::boolean};
constexpr shape text_number_null{kind::text | kind::number | kind::null};

// --- common compounds ---

constexpr shape texts{.kinds = kind::list, .item = &text};
constexpr shape unique_texts{.kinds = kind::list, .item = &text, .unique = true};
constexpr shape unique_scalars{.kinds = kind::list, .item = &number_text, .unique = true};
constexpr shape text_or_texts{.kinds = kind::text | kind::list, .item = &text, .unique = true};
constexpr shape list_or_mapping{
    .kinds = kind::list | kind::mapping, .item = &text, .unique = true, .other_members = &scalar_or_null};
constexpr shape command{.kinds = kind::text | kind::list | kind::null, .item = &text};
constexpr shape options{.kinds = kind::mapping, .other_members = &number_text};
constexpr shape text_options{.kinds = kind::mapping, .other_members = &text};
constexpr shape addresses{.kinds = kind::text | kind::list, .item = &text};
constexpr shape extra_hosts{
    .kinds = kind::list | kind::mapping, .item = &text, .unique = true, .other_members = &addresses};

constexpr member_shape ulimit_members[] = {{"soft", &integer_text, true}, {"hard", &integer_text, true}};
constexpr shape ulimit{
    .kinds = kind::integer | kind::text | kind::mapping, .members = ulimit_members, .extensions = true};
constexpr shape ulimits{.kinds = kind::mapping, .other_members = &ulimit};

constexpr member_shape file_reference_members[] = {
    {"source", &text}, {"target", &text}, {"uid", &text}, {"gid", &text}, {"mode", &number_text}};
constexpr shape file_reference{
    .kinds = kind::text | kind::mapping, .members = file_reference_members, .extensions = true};
constexpr shape file_references{.kinds = kind::list, .item = &file_reference};

constexpr member_shape hook_members[] = {{"command", &command, true},
                                         {"user", &text},
                                         {"privileged", &boolean_text},
                                         {"working_dir", &text},
                                         {"environment", &list_or_mapping}};
constexpr shape hook{.kinds = kind::mapping, .members = hook_members, .extensions = true};
constexpr shape hooks{.kinds = kind::list, .item = &hook};

constexpr member_shape device_request_members[] = {{"capabilities", &unique_texts, true},
                                                   {"count", &integer_text},
                                                   {"device_ids", &unique_texts},
                                                   {"driver", &text},
                                                   {"options", &list_or_mapping}};
constexpr shape device_request{.kinds = kind::mapping, .members = device_request_members, .extensions = true};
constexpr shape device_requests{.kinds = kind::list, .item = &device_request};
constexpr member_shape gpu_members[] = {{"capabilities", &unique_texts},
                                        {"count", &integer_text},
                                        {"device_ids", &unique_texts},
                                        {"driver", &text},
                                        {"options", &list_or_mapping}};
constexpr shape gpu{.kinds = kind::mapping, .members = gpu_members, .extensions = true};
constexpr std::string_view gpu_words[] = {"all"};
constexpr shape gpus{.kinds = kind::text | kind::list, .words = gpu_words, .item = &gpu};

// --- build, develop ---

constexpr member_shape build_members[] = {{"context", &text},
                                          {"dockerfile", &text},
                                          {"dockerfile_inline", &text},
                                          {"entitlements", &texts},
                                          {"args", &list_or_mapping},
                                          {"ssh", &list_or_mapping},
                                          {"labels", &list_or_mapping},
                                          {"cache_from", &texts},
                                          {"cache_to", &texts},
                                          {"no_cache", &boolean_text},
                                          {"additional_contexts", &list_or_mapping},
                                          {"network", &text},
                                          {"provenance", &boolean_text},
                                          {"sbom", &boolean_text},
                                          {"pull", &boolean_text},
                                          {"target", &text},
                                          {"shm_size", &integer_text},
                                          {"extra_hosts", &extra_hosts},
                                          {"isolation", &text},
                                          {"privileged", &boolean_text},
                                          {"secrets", &file_references},
                                          {"tags", &texts},
                                          {"ulimits", &ulimits},
                                          {"platforms", &texts}};
constexpr shape build{.kinds = kind::text | kind::mapping, .members = build_members, .extensions = true};

constexpr std::string_view watch_actions[] = {"rebuild", "sync", "restart", "sync+restart", "sync+exec"};
constexpr shape watch_action{.kinds = kind::text, .words = watch_actions};
constexpr member_shape watch_members[] = {
    {"path", &text, true},      {"action", &watch_action, true}, {"target", &text},         {"exec", &hook},
    {"ignore", &text_or_texts}, {"include", &text_or_texts},     {"initial_sync", &boolean}};
constexpr shape watch{.kinds = kind::mapping, .members = watch_members, .extensions = true};
constexpr shape watches{.kinds = kind::list, .item = &watch};
constexpr member_shape develop_members[] = {{"watch", &watches}};
constexpr shape develop{.kinds = kind::mapping | kind::null, .members = develop_members, .extensions = true};

// --- deploy ---

constexpr std::string_view update_orders[] = {"start-first", "stop-first"};
constexpr shape update_order{.kinds = kind::text, .words = update_orders};
constexpr member_shape update_members[] = {{"parallelism", &integer_text},      {"delay", &text},
                                           {"failure_action", &text},           {"monitor", &text},
                                           {"max_failure_ratio", &number_text}, {"order", &update_order}};
constexpr shape update{.kinds = kind::mapping, .members = update_members, .extensions = true};

constexpr member_shape discrete_resource_members[] = {{"kind", &text}, {"value", &number_text}};
constexpr shape discrete_resource{.kinds = kind::mapping, .members = discrete_resource_members, .extensions = true};
constexpr member_shape generic_resource_members[] = {{"discrete_resource_spec", &discrete_resource}};
constexpr shape generic_resource{.kinds = kind::mapping, .members = generic_resource_members, .extensions = true};
constexpr shape generic_resources{.kinds = kind::list, .item = &generic_resource};
constexpr member_shape limits_members[] = {{"cpus", &number_text}, {"memory", &text}, {"pids", &integer_text}};
constexpr shape limits{.kinds = kind::mapping, .members = limits_members, .extensions = true};
constexpr member_shape reservations_members[] = {{"cpus", &number_text},
                                                 {"memory", &text},
                                                 {"generic_resources", &generic_resources},
                                                 {"devices", &device_requests}};
constexpr shape reservations{.kinds = kind::mapping, .members = reservations_members, .extensions = true};
constexpr member_shape resources_members[] = {{"limits", &limits}, {"reservations", &reservations}};
constexpr shape resources{.kinds = kind::mapping, .members = resources_members, .extensions = true};
constexpr member_shape restart_policy_members[] = {
    {"condition", &text}, {"delay", &text}, {"max_attempts", &integer_text}, {"window", &text}};
constexpr shape restart_policy{.kinds = kind::mapping, .members = restart_policy_members, .extensions = true};
constexpr member_shape preference_members[] = {{"spread", &text}};
constexpr shape preference{.kinds = kind::mapping, .members = preference_members, .extensions = true};
constexpr shape preferences{.kinds = kind::list, .item = &preference};
constexpr member_shape placement_members[] = {
    {"constraints", &texts}, {"preferences", &preferences}, {"max_replicas_per_node", &integer_text}};
constexpr shape placement{.kinds = kind::mapping, .members = placement_members, .extensions = true};
constexpr member_shape deploy_members[] = {{"mode", &text},
                                           {"endpoint_mode", &text},
                                           {"replicas", &integer_text},
                                           {"labels", &list_or_mapping},
                                           {"rollback_config", &update},
                                           {"update_config", &update},
                                           {"resources", &resources},
                                           {"restart_policy", &restart_policy},
                                           {"placement", &placement}};
constexpr shape deploy{.kinds = kind::mapping | kind::null, .members = deploy_members, .extensions = true};

// --- parts of a service ---

constexpr member_shape blkio_limit_members[] = {{"path", &text}, {"rate", &integer_text}};
constexpr shape blkio_limit{.kinds = kind::mapping, .members = blkio_limit_members};
constexpr shape blkio_limits{.kinds = kind::list, .item = &blkio_limit};
constexpr member_shape blkio_weight_members[] = {{"path", &text}, {"weight", &integer}};
constexpr shape blkio_weight{.kinds = kind::mapping, .members = blkio_weight_members};
constexpr shape blkio_weights{.kinds = kind::list, .item = &blkio_weight};
constexpr member_shape blkio_members[] = {{"device_read_bps", &blkio_limits},
                                          {"device_read_iops", &blkio_limits},
                                          {"device_write_bps", &blkio_limits},
                                          {"device_write_iops", &blkio_limits},
                                          {"weight", &integer},
                                          {"weight_device", &blkio_weights}};
constexpr shape blkio{.kinds = kind::mapping, .members = blkio_members};

constexpr std::string_view cgroup_words[] = {"host", "private"};
constexpr shape cgroup{.kinds = kind::text, .words = cgroup_words};

constexpr member_shape credential_members[] = {{"config", &text}, {"file", &text}, {"registry", &text}};
constexpr shape credential{.kinds = kind::mapping, .members = credential_members, .extensions = true};

constexpr std::string_view conditions[] = {"service_started", "service_healthy", "service_completed_successfully"};
constexpr shape condition{.kinds = kind::text, .words = conditions};
constexpr member_shape dependency_members[] = {
    {"condition", &condition, true}, {"restart", &boolean_text}, {"required", &boolean}};
constexpr shape dependency{.kinds = kind::mapping, .members = dependency_members, .extensions = true};
constexpr shape depends_on{.kinds = kind::list | kind::mapping,
                           .item = &text,
                           .unique = true,
                           .other_members = &dependency,
                           .names_only = true};

constexpr member_shape device_members[] = {{"source", &text, true}, {"target", &text}, {"permissions", &text}};
constexpr shape device{.kinds = kind::text | kind::mapping, .members = device_members, .extensions = true};
constexpr shape devices{.kinds = kind::list, .item = &device};

constexpr member_shape env_file_members[] = {{"path", &text, true}, {"format", &text}, {"required", &boolean_text}};
constexpr shape env_file{.kinds = kind::text | kind::mapping, .members = env_file_members};
constexpr shape env_files{.kinds = kind::text | kind::list, .item = &env_file};
constexpr shape label_files{.kinds = kind::text | kind::list, .item = &text};

constexpr member_shape extends_members[] = {{"service", &text, true}, {"file", &text}};
constexpr shape extends{.kinds = kind::text | kind::mapping, .members = extends_members};

constexpr shape option_values{.kinds = kind::text | kind::number | kind::boolean | kind::list, .item = &scalar};
constexpr shape provider_options{.kinds = kind::mapping, .other_members = &option_values};
constexpr member_shape provider_members[] = {{"type", &text, true}, {"options", &provider_options}};
constexpr shape provider{.kinds = kind::mapping, .members = provider_members, .extensions = true};

constexpr member_shape health_check_members[] = {
    {"disable", &boolean_text}, {"interval", &text},     {"retries", &number_text}, {"test", &addresses},
    {"timeout", &text},         {"start_period", &text}, {"start_interval", &text}};
constexpr shape health_check{.kinds = kind::mapping, .members = health_check_members, .extensions = true};

constexpr shape logging_options{.kinds = kind::mapping, .other_members = &text_number_null};
constexpr member_shape logging_members[] = {{"driver", &text}, {"options", &logging_options}};
constexpr shape logging{.kinds = kind::mapping, .members = logging_members, .extensions = true};

constexpr member_shape model_use_members[] = {{"endpoint_var", &text}, {"model_var", &text}};
constexpr shape model_use{.kinds = kind::mapping | kind::null, .members = model_use_members, .extensions = true};
constexpr shape model_uses{.kinds = kind::list | kind::mapping,
                           .item = &text,
                           .unique = true,
                           .other_members = &model_use,
                           .names_only = true};

constexpr member_shape endpoint_members[] = {
    {"aliases", &unique_texts},        {"interface_name", &text}, {"ipv4_address", &text},   {"ipv6_address", &text},
    {"link_local_ips", &unique_texts}, {"mac_address", &text},    {"driver_opts", &options}, {"priority", &number},
    {"gw_priority", &number}};
constexpr shape endpoint{.kinds = kind::mapping | kind::null, .members = endpoint_members, .extensions = true};
constexpr shape endpoints{
    .kinds = kind::list | kind::mapping, .item = &text, .unique = true, .other_members = &endpoint, .names_only = true};

constexpr member_shape port_members[] = {{"name", &text},
                                         {"mode", &text},
                                         {"host_ip", &text},
                                         {"target", &integer_text},
                                         {"published", &integer_text},
                                         {"protocol", &text},
                                         {"app_protocol", &text}};
constexpr shape port{.kinds = kind::text | kind::number | kind::mapping, .members = port_members, .extensions = true};
constexpr shape ports{.kinds = kind::list, .item = &port, .unique = true};

constexpr std::string_view mount_types[] = {"bind", "volume", "tmpfs", "cluster", "npipe", "image"};
constexpr shape mount_type{.kinds = kind::text, .words = mount_types};
constexpr std::string_view recursive_words[] = {"enabled", "disabled", "writable", "readonly"};
constexpr shape recursive{.kinds = kind::text, .words = recursive_words};
constexpr std::string_view selinux_words[] = {"z", "Z"};
constexpr shape selinux{.kinds = kind::text, .words = selinux_words};
constexpr member_shape bind_members[] = {
    {"propagation", &text}, {"create_host_path", &boolean_text}, {"recursive", &recursive}, {"selinux", &selinux}};
constexpr shape bind{.kinds = kind::mapping, .members = bind_members, .extensions = true};
constexpr member_shape volume_mount_members[] = {
    {"labels", &list_or_mapping}, {"nocopy", &boolean_text}, {"subpath", &text}};
constexpr shape volume_mount{.kinds = kind::mapping, .members = volume_mount_members, .extensions = true};
constexpr member_shape tmpfs_members[] = {{"size", &integer_text}, {"mode", &number}};
constexpr shape tmpfs{.kinds = kind::mapping, .members = tmpfs_members, .extensions = true};
constexpr member_shape image_mount_members[] = {{"subpath", &text}};
constexpr shape image_mount{.kinds = kind::mapping, .members = image_mount_members, .extensions = true};
constexpr member_shape mount_members[] = {
    {"type", &mount_type, true},  {"source", &text},      {"target", &text},
    {"read_only", &boolean_text}, {"consistency", &text}, {"bind", &bind},
    {"volume", &volume_mount},    {"tmpfs", &tmpfs},      {"image", &image_mount}};
constexpr shape mount{.kinds = kind::text | kind::mapping, .members = mount_members, .extensions = true};
constexpr shape mounts{.kinds = kind::list, .item = &mount, .unique = true};

constexpr member_shape service_members[] = {{"annotations", &list_or_mapping},
                                            {"attach", &boolean_text},
                                            {"blkio_config", &blkio},
                                            {"build", &build},
                                            {"cap_add", &unique_texts},
                                            {"cap_drop", &unique_texts},
                                            {"cgroup", &cgroup},
                                            {"cgroup_parent", &text},
                                            {"command", &command},
                                            {"configs", &file_references},
                                            {"container_name", &text},
                                            {"cpu_count", &integer_text},
                                            {"cpu_percent", &integer_text},
                                            {"cpu_period", &number_text},
                                            {"cpu_quota", &number_text},
                                            {"cpu_rt_period", &number_text},
                                            {"cpu_rt_runtime", &number_text},
                                            {"cpu_shares", &number_text},
                                            {"cpus", &number_text},
                                            {"cpuset", &text},
                                            {"credential_spec", &credential},
                                            {"depends_on", &depends_on},
                                            {"deploy", &deploy},
                                            {"develop", &develop},
                                            {"device_cgroup_rules", &unique_texts},
                                            {"devices", &devices},
                                            {"dns", &text_or_texts},
                                            {"dns_opt", &unique_texts},
                                            {"dns_search", &text_or_texts},
                                            {"domainname", &text},
                                            {"entrypoint", &command},
                                            {"env_file", &env_files},
                                            {"environment", &list_or_mapping},
                                            {"expose", &unique_scalars},
                                            {"extends", &extends},
                                            {"external_links", &unique_texts},
                                            {"extra_hosts", &extra_hosts},
                                            {"gpus", &gpus},
                                            {"group_add", &unique_scalars},
                                            {"healthcheck", &health_check},
                                            {"hostname", &text},
                                            {"image", &text},
                                            {"init", &boolean_text},
                                            {"ipc", &text},
                                            {"isolation", &text},
                                            {"label_file", &label_files},
                                            {"labels", &list_or_mapping},
                                            {"links", &unique_texts},
                                            {"logging", &logging},
                                            {"mac_address", &text},
                                            {"mem_limit", &number_text},
                                            {"mem_reservation", &integer_text},
                                            {"mem_swappiness", &integer_text},
                                            {"memswap_limit", &number_text},
                                            {"models", &model_uses},
                                            {"network_mode", &text},
                                            {"networks", &endpoints},
                                            {"oom_kill_disable", &boolean_text},
                                            {"oom_score_adj", &integer_text},
                                            {"pid", &text_or_null},
                                            {"pids_limit", &number_text},
                                            {"platform", &text},
                                            {"ports", &ports},
                                            {"post_start", &hooks},
                                            {"pre_stop", &hooks},
                                            {"privileged", &boolean_text},
                                            {"profiles", &unique_texts},
                                            {"provider", &provider},
                                            {"pull_policy", &text},
                                            {"pull_refresh_after", &text},
                                            {"read_only", &boolean_text},
                                            {"restart", &text},
                                            {"runtime", &text},
                                            {"scale", &integer_text},
                                            {"secrets", &file_references},
                                            {"security_opt", &unique_texts},
                                            {"shm_size", &number_text},
                                            {"stdin_open", &boolean_text},
                                            {"stop_grace_period", &text},
                                            {"stop_signal", &text},
                                            {"storage_opt", &options},
                                            {"sysctls", &list_or_mapping},
                                            {"tmpfs", &text_or_texts},
                                            {"tty", &boolean_text},
                                            {"ulimits", &ulimits},
                                            {"use_api_socket", &boolean},
                                            {"user", &text},
                                            {"userns_mode", &text},
                                            {"uts", &text},
                                            {"volumes", &mounts},
                                            {"volumes_from", &unique_texts},
                                            {"working_dir", &text}};
constexpr shape service{.kinds = kind::mapping, .members = service_members, .extensions = true};

// --- the top level ---

constexpr member_shape external_members[] = {{"name", &text}};
constexpr shape external{
    .kinds = kind::boolean | kind::text | kind::mapping, .members = external_members, .extensions = true};

constexpr member_shape address_pool_members[] = {
    {"subnet", &text}, {"ip_range", &text}, {"gateway", &text}, {"aux_addresses", &text_options}};
constexpr shape address_pool{.kinds = kind::mapping, .members = address_pool_members, .extensions = true};
constexpr shape address_pools{.kinds = kind::list, .item = &address_pool};
constexpr member_shape ipam_members[] = {{"driver", &text}, {"config", &address_pools}, {"options", &text_options}};
constexpr shape ipam{.kinds = kind::mapping, .members = ipam_members, .extensions = true};
constexpr member_shape network_members[] = {{"name", &text},
                                            {"driver", &text},
                                            {"driver_opts", &options},
                                            {"ipam", &ipam},
                                            {"external", &external},
                                            {"internal", &boolean_text},
                                            {"enable_ipv4", &boolean_text},
                                            {"enable_ipv6", &boolean_text},
                                            {"attachable", &boolean_text},
                                            {"labels", &list_or_mapping}};
constexpr shape network{.kinds = kind::mapping | kind::null, .members = network_members, .extensions = true};

constexpr member_shape volume_members[] = {{"name", &text},
                                           {"driver", &text},
                                           {"driver_opts", &options},
                                           {"external", &external},
                                           {"labels", &list_or_mapping}};
constexpr shape volume{.kinds = kind::mapping | kind::null, .members = volume_members, .extensions = true};

constexpr member_shape secret_members[] = {{"name", &text},           {"environment", &text},       {"file", &text},
                                           {"external", &external},   {"labels", &list_or_mapping}, {"driver", &text},
                                           {"driver_opts", &options}, {"template_driver", &text}};
constexpr shape secret{.kinds = kind::mapping, .members = secret_members, .extensions = true};
constexpr member_shape config_members[] = {
    {"name", &text},         {"content", &text},           {"environment", &text},    {"file", &text},
    {"external", &external}, {"labels", &list_or_mapping}, {"template_driver", &text}};
constexpr shape config{.kinds = kind::mapping, .members = config_members, .extensions = true};

constexpr member_shape model_members[] = {
    {"name", &text}, {"model", &text, true}, {"context_size", &integer}, {"runtime_flags", &texts}};
constexpr shape model{.kinds = kind::mapping, .members = model_members, .extensions = true};

constexpr member_shape include_members[] = {
    {"path", &text_or_texts}, {"env_file", &text_or_texts}, {"project_directory", &text}};
constexpr shape include{.kinds = kind::text | kind::mapping, .members = include_members};
constexpr shape includes{.kinds = kind::list, .item = &include};

constexpr unsigned section = kind::mapping | kind::null;
constexpr shape services{.kinds = section, .other_members = &service, .names_only = true};
constexpr shape networks{.kinds = section, .other_members = &network, .names_only = true};
constexpr shape volumes{.kinds = section, .other_members = &volume, .names_only = true};
constexpr shape secrets{.kinds = section, .other_members = &secret, .names_only = true};
constexpr shape configs{.kinds = section, .other_members = &config, .names_only = true};
constexpr shape models{.kinds = section, .other_members = &model, .names_only = true};

constexpr member_shape project_members[] = {{"version", &text},      {"name", &text},       {"include", &includes},
                                            {"services", &services}, {"models", &models},   {"networks", &networks},
                                            {"volumes", &volumes},   {"secrets", &secrets}, {"configs", &configs}};

}  // namespace

constinit const shape project_shape{.kinds = kind::mapping, .members = project_members, .extensions = true};

}  // namespace orchestration
