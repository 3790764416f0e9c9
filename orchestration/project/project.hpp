// A compose project as plain values: what the files mean once loaded, before any engine is asked.
//
// Two views of each service stand side by side. `document` is the canonical service: every short form made long,
// members in the order and spelling that compose itself serialises (compose-go `types.ServiceConfig`); the config
// hash and the create body are made from it, so nothing that compose knows is lost. The named members beside it are
// what planning reads. Both come from the same load and are never edited afterwards.
#pragma once

#include <chrono>
#include <compare>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "docker_client/json.hpp"

namespace orchestration {

/// Told of variables by name and value.
using variable_observer = std::function<void(const std::string& name, const std::string& value)>;

/// Where something stands: line and column count from 1; 0 when the file as a whole is meant. Files are absolute in a
/// project; in findings they are relative to the current directory when they are below it.
struct place {
  std::string file;
  int line = 0;
  int column = 0;
};
std::string to_text(const place& where);  // "compose.yaml:12:5"

enum class severity { note, warning, error };

/// Something the loader or a check has to say about the files.
struct finding {
  severity level = severity::error;
  place where;
  std::string path;    // "services.web.ports[0]"; empty when the file as a whole is meant
  std::string what;    // the reason
  std::string advice;  // what to do; may be empty
};
std::string to_text(const finding& f);  // "compose.yaml:12:5: error: services.web.ports[0]: what. advice"

enum class start_condition { started, healthy, completed_successfully };

struct dependency {
  std::string service;
  start_condition condition = start_condition::started;
  bool restart = false;   // stop and start the dependent when this service is recreated
  bool required = true;   // false: an absent or failed dependency is a warning
  bool implicit = false;  // from links, `service:` namespaces or volumes_from, not written under depends_on
};

enum class mount_kind { volume, anonymous_volume, bind, tmpfs, other };

struct service_mount {
  mount_kind kind = mount_kind::volume;
  std::string source;  // volume: key under top-level `volumes`; bind: absolute path; else empty
  std::string target;  // absolute path in the container
  bool read_only = false;
};

struct service_port {
  std::string host_ip;    // empty: all addresses
  std::string published;  // "8080", a range "8000-8010", or empty for a port the engine chooses
  int target = 0;
  std::string protocol;  // "tcp", "udp", "sctp"
};

/// What one container of a service is to be made of when no file says it: what the engine shows of the one there is.
struct found_replica {
  std::string name;
  std::string platform;  // "linux/arm64"; empty for the engine's own
  docker::json body;     // create body; namespaces of other services stand there as "service:NAME"
  std::vector<std::pair<std::string, docker::json>> connect_after;
  std::string problem;  // why it cannot be made again, and what to do; empty: it can
};

struct service {
  std::string name;
  std::string image;           // after interpolation; "<project>-<service>" when only `build` is given
  std::string image_template;  // as written: "shop/web:${IMAGE_TAG:-v1}"; empty when `image` is absent
  place image_place;
  bool builds = false;                 // has a `build` section
  std::string container_name;          // empty: "<project>-<service>-<n>"
  int scale = 1;                       // `scale` or `deploy.replicas`
  std::string pull_policy;             // as written, "" when absent
  std::vector<dependency> depends_on;  // by service name; implicit ones included
  std::vector<service_mount> mounts;   // in the order of the file
  std::vector<service_port> ports;     // ranges expanded where compose expands them
  std::vector<std::string> networks;   // keys, primary first (priority, then name); empty with network_mode
  bool declares_health_check = false;  // a `healthcheck` with a test that is not disabled
  std::optional<std::chrono::nanoseconds> stop_grace_period;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> from_env_files;  // variable of the environment → the `env_file` that gives it
  docker::json document;
  /// Without compose files, by number: then there is no other replica, and `document` says only what it joins.
  std::map<int, found_replica> found;
};

struct network {
  std::string key;
  std::string name;  // real name: "<project>_<key>", `name:`, or the key when external
  bool external = false;
  docker::json document;  // canonical, compose's member order; see canonical.hpp
};

struct volume {
  std::string key;
  std::string name;
  bool external = false;
  docker::json document;
};

/// A secret or config that a file or the environment gives.
struct file_object {
  std::string key;
  std::string name;
  bool external = false;
  docker::json document;  // {"name", "file" | "environment" | "content", …}
  /// What `content` says or the variable of `environment` holds; absent: from a file, or the variable is not set.
  std::optional<std::string> content;
  /// Written into the container, not mounted.
  bool is_written() const { return !external && (document.contains("environment") || document.contains("content")); }
};

/// Where an interpolated variable got its value. `file` and `line` are set for env files only.
enum class variable_source { unset, default_in_template, env_file, process_environment, override_value };
struct variable_origin {
  std::string name;
  std::optional<std::string> value;
  variable_source source = variable_source::unset;
  place where;
};

struct project {
  std::string name;
  std::filesystem::path working_dir;      // absolute
  std::vector<std::string> config_files;  // absolute, in order
  /// What compose reads after the first file, or would if it were there; empty: the files were given, so that it does
  /// not look for one.
  std::string override_file;
  std::vector<std::string> env_files;       // absolute; the env files that were read for interpolation
  bool explicit_env_files = false;          // given by --env-file: compose then writes a label that lists them
  std::map<std::string, service> services;  // those that are on
  std::vector<std::string> disabled;        // names of services switched off by profiles
  std::map<std::string, network> networks;  // those that services use
  std::map<std::string, volume> volumes;
  std::map<std::string, file_object> secrets;
  std::map<std::string, file_object> configs;
  docker::json extensions = docker::json::make_object();  // top-level x-…, values as compose writes them
  std::map<std::string, variable_origin> variables;       // every variable that the files interpolate
};

/// Keys of the top-level resources that services use.
struct used_resources {
  std::set<std::string> networks;
  std::set<std::string> volumes;
  std::set<std::string> secrets;
  std::set<std::string> configs;
};
used_resources resources_of(const std::map<std::string, service>& services);

/// "<project>-<service>-<number>", or container_name; the name it has where no file says it.
std::string container_name(const project& p, const service& s, int number);

}  // namespace orchestration
