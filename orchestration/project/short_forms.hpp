// The one-line forms of compose: "8080:80/tcp", "data:/data:ro", "/dev/a:/dev/b", a command as the shell would split
// it.
#pragma once

#include <optional>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/project/yaml.hpp"

namespace orchestration {

/// The long form of "source:target:options". Throws load_error at the node's place.
yaml_node parse_volume(const yaml_node& text, const std::string& path);

/// The long forms of "host:8000-8002:80-82/udp": one for each container port, sorted as text.
std::vector<yaml_node> parse_ports(const yaml_node& text, const std::string& path);
/// How many these would be.
std::int64_t count_ports(const yaml_node& text, const std::string& path);

/// "source:target:permissions".
yaml_node parse_device(const yaml_node& text, const std::string& path);

/// Words as compose splits them: quotes and backslashes are undone, nothing is expanded. Absent when quotes are open
/// or a parenthesis stands alone.
std::optional<std::vector<std::string>> split_command(std::string_view line);

/// IPv4 or IPv6, without brackets, zone or prefix length.
bool is_ip_address(const std::string& text);

/// The path without ".", ".." and double slashes, as Go's path.Clean.
std::string clean_path(std::string_view path);

}  // namespace orchestration
