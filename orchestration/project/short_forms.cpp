#include "orchestration/project/short_forms.hpp"

#include <algorithm>
#include <array>

#include "orchestration/project/quantity.hpp"

namespace orchestration {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (true) {
    const std::size_t end = text.find(separator);
    out.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

// --- volumes ---

// At colons, except in ${…} and behind a single letter, which is a Windows drive.
std::vector<std::string> volume_sections(std::string_view text) {
  std::vector<std::string> out(1);
  int nested = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::string& section = out.back();
    if (c == '$' && text.substr(i + 1).starts_with('{')) ++nested;
    if (c == '}' && nested > 0) --nested;
    const bool drive = section.size() == 1 && is_letter(section.front());
    if (c == ':' && nested == 0 && !drive)
      out.emplace_back();
    else
      section += c;
  }
  return out;
}

bool is_file_path(std::string_view source) {
  if (source.empty()) return false;
  const bool drive = source.size() > 1 && is_letter(source[0]) && source[1] == ':';
  return source[0] == '.' || source[0] == '/' || source[0] == '~' || source.starts_with("\\\\") || drive;
}

bool is_propagation(std::string_view option) {
  static constexpr std::string_view known[] = {"rprivate", "private", "rshared", "shared", "rslave", "slave"};
  return std::find(std::begin(known), std::end(known), option) != std::end(known);
}

struct volume_options {
  bool read_only = false;
  std::optional<yaml_node> bind;
  std::optional<yaml_node> volume;
};

void set_option(std::optional<yaml_node>& options, std::string_view name, yaml_node::any value,
                const yaml_mark& where) {
  if (!options) options = make_node(yaml_node::mapping(), where);
  options->set(name, make_node(std::move(value), where));
}

// Unknown options, such as "cached", mean nothing and are passed over, as compose does.
volume_options volume_options_of(std::string_view text, const yaml_mark& where) {
  volume_options out;
  for (const std::string_view option : split(text, ',')) {
    if (option == "ro") out.read_only = true;
    if (option == "rw") out.read_only = false;
    if (option == "nocopy") set_option(out.volume, "nocopy", true, where);
    if (is_propagation(option)) set_option(out.bind, "propagation", std::string(option), where);
    if (option == "z" || option == "Z") set_option(out.bind, "selinux", std::string(option), where);
  }
  return out;
}

// --- ports ---

struct port_range {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t size() const { return last - first + 1; }
};

std::int64_t port_number(std::string_view text, const yaml_node& node, const std::string& path) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  const std::optional<std::int64_t> number = digits ? parse_integer(text) : std::nullopt;
  if (!number || *number > 65535)
    fail_at(node.where, path, "\"" + std::string(text) + "\" is no port", "Ports are numbers up to 65535");
  return *number;
}

port_range range_of(std::string_view text, const yaml_node& node, const std::string& path) {
  const std::size_t dash = text.find('-');
  port_range out;
  out.first = port_number(text.substr(0, dash), node, path);
  out.last = dash == std::string_view::npos ? out.first : port_number(text.substr(dash + 1), node, path);
  if (out.last < out.first) fail_at(node.where, path, "the range " + std::string(text) + " ends before it begins");
  return out;
}

struct port_text {
  std::string host_ip;
  bool has_bare_ipv6 = false;
  std::string published;
  std::string target;
  std::string protocol;
};

port_text port_sections(std::string_view text) {
  port_text out;
  const std::size_t last = text.rfind(':');
  std::string_view container = last == std::string_view::npos ? text : text.substr(last + 1);
  if (last != std::string_view::npos) {
    const std::string_view host = text.substr(0, last);
    const std::size_t colon = host.rfind(':');
    out.published = host.substr(colon == std::string_view::npos ? 0 : colon + 1);
    std::string_view ip = colon == std::string_view::npos ? std::string_view() : host.substr(0, colon);
    const bool in_brackets = ip.size() > 1 && ip.front() == '[' && ip.back() == ']';
    out.has_bare_ipv6 = !in_brackets && ip.find(':') != std::string_view::npos;
    if (in_brackets) ip = ip.substr(1, ip.size() - 2);
    out.host_ip = ip;
  }
  const std::size_t slash = container.find('/');
  out.target = container.substr(0, slash);
  out.protocol = slash == std::string_view::npos ? "" : split(container, '/')[1];
  if (out.protocol.empty()) out.protocol = "tcp";
  for (char& c : out.protocol)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

port_text written_port(const yaml_node& node, const std::string& path) {
  const std::string written = value_text(node);
  port_text out = port_sections(written);
  if (out.target.empty()) fail_at(node.where, path, "\"" + written + "\" names no container port");
  return out;
}

yaml_node port_node(const port_text& text, std::int64_t target, const std::string& published, const yaml_mark& where) {
  yaml_node out = make_node(yaml_node::mapping(), where);
  out.set("mode", make_node("ingress", where));
  out.set("target", make_node(target, where));
  out.set("protocol", make_node(text.protocol, where));
  if (!text.host_ip.empty()) out.set("host_ip", make_node(text.host_ip, where));
  if (!published.empty()) out.set("published", make_node(published, where));
  return out;
}

// --- addresses ---

bool is_ipv4(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '.');
  return parts.size() == 4 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           const bool digits = !part.empty() && part.size() <= 3 && std::all_of(part.begin(), part.end(), is_digit);
           return digits && (part.size() == 1 || part.front() != '0') && *parse_integer(part) <= 255;
         });
}

// How many groups of 16 bits stand between single colons; an IPv4 address at the end is two. Absent when one is none.
std::optional<std::size_t> ipv6_groups(std::string_view text) {
  std::size_t out = 0;
  const std::vector<std::string_view> parts = split(text, ':');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool hex = !parts[i].empty() && parts[i].size() <= 4 &&
                     parts[i].find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
    const bool last_ipv4 = i + 1 == parts.size() && is_ipv4(parts[i]);
    if (!hex && !last_ipv4) return std::nullopt;
    out += last_ipv4 ? 2 : 1;
  }
  return out;
}

}  // namespace

yaml_node parse_volume(const yaml_node& node, const std::string& path) {
  const std::string text = node.text_or("");
  if (text.empty()) fail_at(node.where, path, "an empty volume", "Write SOURCE:TARGET");
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  const auto put = [&](std::string_view name, yaml_node::any value) {
    out.set(name, make_node(std::move(value), node.where));
  };
  if (text.size() <= 2) {
    put("type", "volume");
    put("target", text);
    return out;
  }
  const std::vector<std::string> sections = volume_sections(text);
  if (std::any_of(sections.begin(), sections.end(), [](const std::string& each) { return each.empty(); }))
    fail_at(node.where, path, "\"" + text + "\" has nothing between two colons", "Write SOURCE:TARGET:OPTIONS");
  if (sections.size() > 3)
    fail_at(node.where, path, "\"" + text + "\" has too many colons", "Write SOURCE:TARGET:OPTIONS");
  const std::string source = sections.size() > 1 ? sections[0] : "";
  volume_options options;
  if (sections.size() > 2) options = volume_options_of(sections[2], node.where);
  const bool bind = is_file_path(source);
  put("type", bind ? "bind" : "volume");
  if (!source.empty()) put("source", source);
  put("target", sections.size() > 1 ? sections[1] : sections[0]);
  if (options.read_only) put("read_only", true);
  if (bind)
    set_option(options.bind, "create_host_path", true, node.where);
  else if (!options.volume)
    options.volume = make_node(yaml_node::mapping(), node.where);
  if (options.bind) out.set("bind", *options.bind);
  if (options.volume) out.set("volume", *options.volume);
  return out;
}

std::int64_t count_ports(const yaml_node& node, const std::string& path) {
  return range_of(written_port(node, path).target, node, path).size();
}

std::vector<yaml_node> parse_ports(const yaml_node& node, const std::string& path) {
  const port_text text = written_port(node, path);
  if (text.has_bare_ipv6 || (!text.host_ip.empty() && !is_ip_address(text.host_ip)))
    fail_at(node.where, path, "\"" + text.host_ip + "\" is no address", "Write it like 127.0.0.1 or [::1]");
  if (text.protocol != "tcp" && text.protocol != "udp" && text.protocol != "sctp")
    fail_at(node.where, path, "\"" + text.protocol + "\" is no protocol", "Use tcp, udp or sctp");
  const port_range target = range_of(text.target, node, path);
  const port_range host = text.published.empty() ? port_range() : range_of(text.published, node, path);
  if (!text.published.empty() && target.size() != host.size() && target.size() != 1)
    fail_at(node.where, path, "the ranges " + text.published + " and " + text.target + " differ in length");
  std::vector<std::pair<std::string, yaml_node>> sorted;
  for (std::int64_t i = 0; i < target.size(); ++i) {
    std::string published = text.published.empty() ? "" : std::to_string(host.first + i);
    // One container port behind a range: the engine chooses from it.
    if (target.size() == 1 && host.size() > 1) published += "-" + std::to_string(host.last);
    const std::int64_t number = target.first + i;
    sorted.emplace_back(std::to_string(number) + "/", port_node(text, number, published, node.where));
  }
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<yaml_node> out;
  for (auto& [key, port] : sorted) out.push_back(std::move(port));
  return out;
}

yaml_node parse_device(const yaml_node& node, const std::string& path) {
  const std::string text = node.text_or("");
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() > 3) fail_at(node.where, path, "\"" + text + "\" has too many colons", "Write SOURCE:TARGET:rwm");
  const std::string_view target = parts.size() > 1 && !parts[1].empty() ? parts[1] : parts[0];
  yaml_node out = make_node(yaml_node::mapping(), node.where);
  out.set("source", make_node(std::string(parts[0]), node.where));
  out.set("target", make_node(std::string(target), node.where));
  out.set("permissions", make_node(std::string(parts.size() > 2 ? parts[2] : "rwm"), node.where));
  return out;
}

bool is_ip_address(const std::string& text) {
  if (text.find(':') == std::string::npos) return is_ipv4(text);
  const std::size_t gap = text.find("::");
  if (gap == std::string::npos) return ipv6_groups(text) == 8;
  const std::optional<std::size_t> before = gap == 0 ? 0 : ipv6_groups(std::string_view(text).substr(0, gap));
  if (text.find('.') < gap) return false;  // IPv4 stands at the end only
  const std::string_view rest = std::string_view(text).substr(gap + 2);
  const std::optional<std::size_t> behind = rest.empty() ? 0 : ipv6_groups(rest);
  return before && behind && *before + *behind < 8;
}

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    const bool climbs = part == "..";
    if (climbs && !kept.empty() && kept.back() != "..")
      kept.pop_back();
    else if (!climbs || !absolute)
      kept.push_back(part);
  }
  std::string out = absolute ? "/" : "";
  for (std::size_t i = 0; i < kept.size(); ++i) out += (i == 0 ? "" : "/") + std::string(kept[i]);
  return out.empty() ? "." : out;
}

}  // namespace orchestration
