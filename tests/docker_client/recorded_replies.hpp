// Replies as engines send them (Docker 20.10 and Podman 4.3, recorded; bodies shortened).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "docker_client/wire/http_codec.hpp"

namespace docker::recorded {

struct reply {
  std::string_view name;
  reply_to request = reply_to::any_other;
  std::string_view bytes;
  int status = 0;
  std::string_view body;
};

inline constexpr std::string_view list_chunked =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nDocker-Experimental: false\r\n"
    "Ostype: linux\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\nDate: Sat, 21 Nov 2026 11:00:00 GMT\r\n"
    "Transfer-Encoding: chunked\r\n\r\n"
    "1c\r\n[{\"Id\":\"79d188\",\"Names\":[\"/w\r\n9\r\neb-1\"]}]\n\r\n0\r\n\r\n";

inline constexpr std::string_view nothing_chunked =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";

inline constexpr std::string_view not_found =
    "HTTP/1.1 404 Not Found\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
    "Server: Docker/20.10.24+dfsg1 (linux)\r\nContent-Length: 39\r\n\r\n"
    "{\"message\":\"No such container: nobody\"}";

inline constexpr std::string_view client_too_old =
    "HTTP/1.1 400 Bad Request\r\nApi-Version: 1.52\r\nContent-Type: text/plain; charset=utf-8\r\n"
    "Server: Docker/29.0.0 (linux)\r\nContent-Length: 110\r\n\r\n"
    "client version 1.51 is too old. Minimum supported API version is 1.52, please upgrade your client to a newer\r\n";

inline constexpr std::string_view not_modified =
    "HTTP/1.1 304 Not Modified\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n\r\n";

inline constexpr std::string_view no_content =
    "HTTP/1.1 204 No Content\r\nApi-Version: 1.41\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n\r\n";

inline constexpr std::string_view head_not_found =
    "HTTP/1.1 404 Not Found\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: 57\r\n\r\n";

inline constexpr std::string_view upgraded =
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\n"
    "Upgrade: tcp\r\n\r\n";

inline constexpr std::string_view until_end =
    "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nNo such container: nobody\r\n";

inline constexpr std::string_view interim_first =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";

inline constexpr std::string_view ping =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nCache-Control: no-cache\r\nContent-Length: 0\r\n"
    "Content-Type: text/plain; charset=utf-8\r\nOstype: linux\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n\r\n";

/// Those whose end is told by themselves; `until_end` is not among them.
inline const std::vector<reply>& delimited() {
  static const std::vector<reply> all = {
      {"list_chunked", reply_to::any_other, list_chunked, 200, "[{\"Id\":\"79d188\",\"Names\":[\"/web-1\"]}]\n"},
      {"nothing_chunked", reply_to::any_other, nothing_chunked, 200, ""},
      {"not_found", reply_to::any_other, not_found, 404, "{\"message\":\"No such container: nobody\"}"},
      {"client_too_old", reply_to::any_other, client_too_old, 400,
       "client version 1.51 is too old. Minimum supported API version is 1.52, please upgrade your client to a "
       "newer\r\n"},
      {"not_modified", reply_to::any_other, not_modified, 304, ""},
      {"no_content", reply_to::any_other, no_content, 204, ""},
      {"head_not_found", reply_to::head_request, head_not_found, 404, ""},
      {"upgraded", reply_to::any_other, upgraded, 101, ""},
      {"interim_first", reply_to::any_other, interim_first, 200, "OK"},
      {"ping", reply_to::any_other, ping, 200, ""},
  };
  return all;
}

}  // namespace docker::recorded
