// A published port on the host, and whether something holds it.
#pragma once

#include <string>

namespace orchestration {

struct host_port {
  std::string address;  // "", "0.0.0.0", "::" and "127.0.0.1" forms
  int number = 0;
  std::string protocol;  // "tcp", "udp", "sctp"
};
std::string to_text(const host_port& port);  // "127.0.0.1:8080/tcp"

/// Whether both cannot be published at once: same number and protocol, and one address covers the other.
bool collide(const host_port& a, const host_port& b);

/// Tries to bind it here and now (tcp and udp; others: false). For engines on this host only.
bool is_taken(const host_port& port);

}  // namespace orchestration
