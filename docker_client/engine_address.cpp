#include "docker_client/engine_address.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include <openssl/evp.h>

#include "docker_client/json.hpp"

namespace docker {
namespace {

constexpr std::size_t longest_socket_path = 107;  // sun_path of unix(7), less the final zero

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw address_error("engine address \"" + std::string(text) + "\": " + reason);
}

struct host_and_port {
  std::string host;
  std::string port;
};

// host, host:port, [v6], [v6]:port
host_and_port split_authority(std::string_view text, std::string_view authority) {
  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string_view::npos) refuse(text, "\"]\" is missing after the IPv6 address");
    host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
    if (!port.empty() && !port.starts_with(':')) refuse(text, "only \":port\" may follow \"]\"");
    if (!port.empty()) port.remove_prefix(1);
  } else if (const auto colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon + 1);
    if (port.empty()) refuse(text, "the port after \":\" is missing");
  }
  const bool numeric = std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  if (!numeric || port.size() > 5 || (!port.empty() && std::stoi(std::string(port)) > 65535))
    refuse(text, "\"" + std::string(port) + "\" is no port");
  return {std::string(host), std::string(port)};
}

engine_address parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/')) refuse(text, "write unix:// and an absolute path, such as unix:///var/run/docker.sock");
  if (path.size() > longest_socket_path)
    refuse(text, "the path has " + std::to_string(path.size()) + " bytes, and a socket's path can have " +
                     std::to_string(longest_socket_path) + "; use a shorter one or a symbolic link");
  engine_address out;
  out.socket_path = path;
  return out;
}

engine_address parse_network(std::string_view text, std::string_view rest, transport how,
                             std::string_view default_port) {
  const auto slash = std::min(rest.find('/'), rest.size());
  if (rest.substr(0, slash).find('@') != std::string_view::npos)
    refuse("tcp://…", "user names and passwords do not belong there");  // not quoted: it is a secret
  auto [host, port] = split_authority(text, rest.substr(0, slash));
  if (rest.find_first_of("?#") != std::string_view::npos) refuse(text, "\"?\" and \"#\" do not belong there");
  const auto breaks_a_line = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (std::ranges::any_of(rest, breaks_a_line)) refuse(text, "spaces and control characters do not belong there");
  engine_address out;
  out.transport = how;
  out.socket_path.clear();
  out.host = host.empty() ? "localhost" : host;
  out.port = port.empty() ? std::string(default_port) : port;
  out.base_path = rest.substr(slash);
  while (out.base_path.ends_with('/')) out.base_path.pop_back();
  return out;
}

engine_address parse_ssh(std::string_view text, std::string_view rest) {
  const auto slash = std::min(rest.find('/'), rest.size());
  const std::string_view authority = rest.substr(0, slash);
  const auto at = authority.find('@');
  const std::string_view user = at == std::string_view::npos ? "" : authority.substr(0, at + 1);
  if (user.find(':') != std::string_view::npos) refuse("ssh://…", "a password does not belong there; use a key");
  const auto [host, port] = split_authority(text, authority.substr(user.size()));
  if (host.empty() || host.starts_with('-')) refuse(text, "the host is missing");
  engine_address out;
  out.transport = transport::ssh;
  out.host = std::string(user) + host;
  out.port = port;
  out.socket_path = rest.substr(slash);
  return out;
}

std::string sha256_hex(std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(text.data(), text.size(), digest, &length, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += "0123456789abcdef"[digest[i] >> 4];
    out += "0123456789abcdef"[digest[i] & 15];
  }
  return out;
}

std::optional<json> read_json(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;  // what cannot be read (a directory) is no JSON
  text << file.rdbuf();
  try {
    return json::parse(text.str());
  } catch (const json_error& failure) {
    throw address_error(path.string() + ": " + failure.what());
  }
}

engine_address from_text(std::string_view text, std::string origin) {
  try {
    engine_address out = parse_engine_address(text);
    out.origin = std::move(origin);
    return out;
  } catch (const address_error& failure) {
    throw address_error(std::string(failure.what()) + " (from " + origin + ")");
  }
}

std::string value_of(const environment_lookup& lookup, std::string_view name) {
  return lookup(name).value_or(std::string());
}

// Contexts keep their TLS files beside; the variables hold for DOCKER_HOST and --host.
bool wants_tls(const environment_lookup& lookup) {
  return !value_of(lookup, "DOCKER_TLS_VERIFY").empty() || !value_of(lookup, "DOCKER_TLS").empty();
}

engine_address with_tls(engine_address address, bool wanted) {
  if (!wanted || address.transport != transport::tcp) return address;
  address.transport = transport::tls;
  if (address.port == "2375" && address.text.find(":2375") == std::string::npos) address.port = "2376";
  return address;
}

engine_address from_host(std::string_view text, std::string origin, const environment_lookup& lookup) {
  return with_tls(from_text(text, std::move(origin)), wants_tls(lookup));
}

engine_address from_context(const std::string& name, const std::string& chosen_by, const environment_lookup& lookup) {
  const std::filesystem::path contexts = std::filesystem::path(docker_config_directory(lookup)) / "contexts";
  const std::filesystem::path file = contexts / "meta" / sha256_hex(name) / "meta.json";
  const std::string origin = "context " + name + ", chosen by " + chosen_by;
  const std::optional<json> meta = read_json(file);
  if (!meta)
    throw address_error("there is no docker context \"" + name + "\" (from " + chosen_by + "; looked for " +
                        file.string() + "); \"docker context ls\" shows those there are");
  const std::string host = meta->string_at({"Endpoints", "docker", "Host"});
  if (host.empty()) throw address_error(file.string() + ": Endpoints.docker.Host is missing (" + origin + ")");
  std::error_code absent;
  return with_tls(from_text(host, origin), std::filesystem::exists(contexts / "tls" / sha256_hex(name), absent));
}

engine_address default_address(const environment_lookup& lookup) {
  const std::string host = value_of(lookup, "DOCKER_HOST");
  if (!host.empty()) return from_host(host, "DOCKER_HOST", lookup);
  return engine_address();
}

// "default" is docker's name for no context at all.
engine_address from_choice(const std::string& name, const std::string& chosen_by, const environment_lookup& lookup) {
  return name == "default" ? default_address(lookup) : from_context(name, chosen_by, lookup);
}

}  // namespace

engine_address parse_engine_address(std::string_view text) {
  const auto after = [&](std::string_view scheme) -> std::optional<std::string_view> {
    if (!text.starts_with(scheme)) return std::nullopt;
    return text.substr(scheme.size());
  };
  engine_address out;
  if (const auto path = after("unix://"))
    out = parse_unix(text, *path);
  else if (const auto rest = after("tcp://"))
    out = parse_network(text, *rest, transport::tcp, "2375");
  else if (const auto http = after("http://"))
    out = parse_network(text, *http, transport::tcp, "80");
  else if (const auto https = after("https://"))
    out = parse_network(text, *https, transport::tls, "443");
  else if (const auto ssh = after("ssh://"))
    out = parse_ssh(text, *ssh);
  else
    refuse(text, "write unix:///path, tcp://host:port, http://host:port or ssh://user@host");
  out.text = text;
  return out;
}

std::string docker_config_directory(const environment_lookup& lookup) {
  std::string configured = value_of(lookup, "DOCKER_CONFIG");
  if (!configured.empty()) return configured;
  const std::string home = value_of(lookup, "HOME");
  return home.empty() ? std::string() : home + "/.docker";
}

engine_address resolve_engine_address(std::string_view host_flag, std::string_view context_flag,
                                      const environment_lookup& lookup) {
  if (!context_flag.empty()) return from_choice(std::string(context_flag), "--context", lookup);
  if (!host_flag.empty()) return from_host(host_flag, "--host", lookup);
  if (!value_of(lookup, "DOCKER_HOST").empty()) return default_address(lookup);
  const std::string from_environment = value_of(lookup, "DOCKER_CONTEXT");
  if (!from_environment.empty()) return from_choice(from_environment, "DOCKER_CONTEXT", lookup);

  const std::string directory = docker_config_directory(lookup);
  if (directory.empty()) return engine_address();
  const std::string config_file = directory + "/config.json";
  const std::optional<json> config = read_json(config_file);
  if (!config) return engine_address();
  try {
    const std::string current = config->string_at({"currentContext"});
    return current.empty() ? engine_address() : from_choice(current, config_file, lookup);
  } catch (const json_error& failure) {
    throw address_error(config_file + ": " + failure.what());
  }
}

}  // namespace docker
