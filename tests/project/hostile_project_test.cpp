// Compose files that want more memory, time or files than any project needs. Each is loaded by a process of its own
// with little of both; it ends with an error that names a file, and never loads.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <functional>

#include "load_fixture.hpp"
#include "tests/files/confined.hpp"

namespace orchestration {
namespace {

using files = std::map<std::string, std::string>;

const std::string one_service = "services: {a: {image: x}}\n";

std::string built(const std::string& first, const std::function<std::string(int)>& next, int times) {
  std::string out = first;
  for (int i = 1; i <= times; ++i) out += next(i);
  return out;
}

std::string number(int n) { return std::to_string(n); }

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

struct hostile {
  const char* name;
  std::function<files()> make;
  /// What no text can be: a fifo, a link.
  std::function<void(const std::filesystem::path& directory)> prepare = [](const std::filesystem::path&) {};
};

void PrintTo(const hostile& h, std::ostream* out) { *out << h.name; }

const hostile bombs[] = {
    {"BillionLaughsInLists",
     [] {
       return files{{"compose.yaml", built(
                                         "x-0: &a0 [lol, lol]\n",
                                         [](int i) {
                                           const std::string below = "*a" + number(i - 1);
                                           return "x-" + number(i) + ": &a" + number(i) + " [" + below + ", " + below +
                                                  "]\n";
                                         },
                                         40) +
                                         one_service}};
     }},
    {"BillionLaughsInMappings",
     [] {
       return files{{"compose.yaml", built(
                                         "x-0: &a0 {k: lol}\n",
                                         [](int i) {
                                           const std::string below = "*a" + number(i - 1);
                                           return "x-" + number(i) + ": &a" + number(i) + " {k: " + below +
                                                  ", l: " + below + "}\n";
                                         },
                                         40) +
                                         one_service}};
     }},
    {"MergeKeysThatGrow",
     [] {
       return files{{"compose.yaml", built(
                                         "x-0: &a0 {k: 1}\n",
                                         [](int i) {
                                           const std::string below = "*a" + number(i - 1);
                                           return "x-" + number(i) + ": &a" + number(i) + " {<<: " + below + ", k" +
                                                  number(i) + ": [" + below + "]}\n";
                                         },
                                         400) +
                                         one_service}};
     }},
    {"ManyAliasesOfAGiantText",
     [] {
       return files{
           {"compose.yaml", "x-a: &a " + std::string(500'000, 'x') + "\nx-b: [" + repeated("*a, ", 1000) + "]\n"}};
     }},
    {"AnAliasInsideOfItself",
     [] {
       return files{{"compose.yaml", "x-a: &a {b: [*a]}\n" + one_service}};
     }},
    {"DeepLists",
     [] {
       return files{{"compose.yaml", "x-a: " + std::string(400'000, '[')}};
     }},
    {"DeepMappings",
     [] {
       return files{{"compose.yaml", "x-a: " + repeated("{a: ", 100'000)}};
     }},
    {"DeepBlocks",
     [] {
       std::string text;
       for (int i = 0; i < 1000; ++i) text += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
       return files{{"compose.yaml", text}};
     }},
    {"DeepBlockLists",
     [] {
       return files{{"compose.yaml", "x-a:\n" + repeated("- ", 300'000) + "a\n"}};
     }},
    {"AHundredMebibytes",
     [] {
       return files{{"compose.yaml", std::string(100 << 20, '#')}};
     }},
    {"AMillionValues",
     [] {
       return files{{"compose.yaml", "x-a: [" + repeated("1,", 500'000) + "]\n" + one_service}};
     }},
    {"AHundredThousandEqualKeys",
     [] {
       return files{{"compose.yaml", repeated("k: 1\n", 100'000)}};
     }},
    {"ALongKeyWithoutEnd",
     [] {
       return files{{"compose.yaml", "\"" + std::string(1'000'000, 'k')}};
     }},
    {"NotUtf8",
     [] {
       return files{{"compose.yaml", "services: {a: {image: \"\xff\xfe\"}}\n"}};
     }},
    {"Utf16WithoutText",
     [] {
       return files{{"compose.yaml", std::string("\xff\xfe\x00\xd8", 4)}};
     }},
    {"NulInTheMiddle",
     [] {
       return files{{"compose.yaml", std::string("services: {a: {image: x\0}}\n", 27)}};
     }},
    {"BinaryNoise",
     [] {
       std::string text;
       for (unsigned i = 0; i < 100'000; ++i) text += static_cast<char>((i * 2654435761U) >> 24);
       return files{{"compose.yaml", text}};
     }},
    {"AnIncludeOfItself",
     [] {
       return files{{"compose.yaml", "include: [compose.yaml]\n" + one_service}};
     }},
    {"ACircleOfIncludes",
     [] {
       return files{{"compose.yaml", "include: [b.yaml]\n"}, {"b.yaml", "include: [compose.yaml]\n"}};
     }},
    {"IncludesThatMultiply",
     [] {
       files all{{"compose.yaml", "include: [0.yaml]\n"}, {"30.yaml", one_service}};
       for (int i = 0; i < 30; ++i) {
         const std::string next = number(i + 1) + ".yaml";
         all[number(i) + ".yaml"] = "include: [" + next + ", {path: " + next + "}]\nservices: {}\n";
       }
       return all;
     }},
    {"AnExtendsOfItself",
     [] {
       return files{{"compose.yaml", "services: {a: {image: x, extends: a}}\n"}};
     }},
    {"ACircleOfExtendsThroughFiles",
     [] {
       return files{{"compose.yaml", "services: {a: {extends: {file: b.yaml, service: a}}}\n"},
                    {"b.yaml", "services: {a: {extends: {file: compose.yaml, service: a}}}\n"}};
     }},
    {"ACircleOfDependencies",
     [] {
       return files{{"compose.yaml", "services: {a: {image: x, depends_on: [b]}, b: {image: x, depends_on: [a]}}\n"}};
     }},
    {"VariablesThatDouble",
     [] {
       return files{{".env", built(
                                 "V0=xxxxxxxxxxxxxxxx\n",
                                 [](int i) {
                                   const std::string below = "${V" + number(i - 1) + "}";
                                   return "V" + number(i) + "=" + below + below + "\n";
                                 },
                                 40)},
                    {"compose.yaml", "services: {a: {image: \"${V40}\"}}\n"}};
     }},
    {"DefaultsInsideOfDefaults",
     [] {
       return files{{"compose.yaml", "services: {a: {image: \"" + repeated("${A:-", 100'000) + "\"}}\n"}};
     }},
    {"AHundredMebibytesOfVariables",
     [] {
       return files{{".env", std::string(100 << 20, '#')}, {"compose.yaml", one_service}};
     }},
    {"AnEnvFileWithoutEnd",
     [] {
       return files{{"compose.yaml", "services: {a: {image: x, env_file: /dev/zero}}\n"}};
     }},
    {"PortsByTheMillion",
     [] {
       const auto all_of = [](int i) { return "      - 127.0.0." + number(i) + ":1-65535:1-65535\n"; };
       return files{{"compose.yaml", built("services:\n  a:\n    image: x\n    ports:\n", all_of, 100)}};
     }},
    {"AFifo", [] { return files{}; },
     [](const std::filesystem::path& directory) { ::mkfifo((directory / "compose.yaml").c_str(), 0600); }},
    {"ALinkToItself", [] { return files{}; },
     [](const std::filesystem::path& directory) {
       std::filesystem::create_symlink("compose.yaml", directory / "compose.yaml");
     }},
    {"ADirectory", [] { return files{}; },
     [](const std::filesystem::path& directory) { std::filesystem::create_directory(directory / "compose.yaml"); }},
};

class hostile_file : public testing::TestWithParam<hostile> {};

TEST_P(hostile_file, EndsInAClearErrorWithLittleMemory) {
  written_project project(GetParam().make());
  GetParam().prepare(project.folder.path());
  const int code = test::confined([&] {
    const std::string refusal = project.refusal();
    if (refusal == "loaded") return 2;
    // Names a file, and is something one can read.
    const bool named = refusal.find("compose.yaml") != std::string::npos || refusal.find(".env") != std::string::npos ||
                       refusal.find("/dev/zero") != std::string::npos || refusal.find(".yaml") != std::string::npos;
    if (!named || refusal.size() > 16'384) return 3;
    return 0;
  });
  EXPECT_EQ(code, 0) << "2: it was loaded; 3: the error names no file, or is endless; above 1000: it was killed";
}

INSTANTIATE_TEST_SUITE_P(Load, hostile_file, testing::ValuesIn(bombs),
                         [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace orchestration
