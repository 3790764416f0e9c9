// Env files, read as compose-go's dotenv package reads them.
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "orchestration/project/interpolation.hpp"

namespace orchestration {

struct dotenv_variable {
  std::string name;
  std::string value;
  int line = 0;
};

class dotenv_error : public std::runtime_error {
 public:
  dotenv_error(int line, const std::string& what) : std::runtime_error(what), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

/// In the order of the text; a name can come twice, and the later value counts. References are looked up in `lookup`
/// first, then among the names above in the text, then in `earlier` (files read before). A bare NAME takes the value
/// that `lookup` gives, and is left out when that has none. Throws dotenv_error.
std::vector<dotenv_variable> parse_dotenv(std::string_view text, const variable_lookup& lookup,
                                          const std::map<std::string, std::string>& earlier = {});

/// `format: raw`: every line NAME=VALUE literally, as docker's own --env-file reads it. A bare NAME takes the value that
/// `lookup` gives, and is left out when that has none. Throws dotenv_error.
std::vector<dotenv_variable> parse_raw_env(std::string_view text, const variable_lookup& lookup);

}  // namespace orchestration
