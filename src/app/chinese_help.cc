#include "app/chinese_help.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_map>

namespace shijian {
namespace {

const std::unordered_map<std::string_view, std::string_view> kChinese{
    {"shijian (事件, 时间) finds when an event happens in a video",
     "shijian（事件、时间）：找出视频中某件事发生在什么时候"},
    {"Find when something happens in a video", "找出视频中某件事发生的时刻"},
    {"Ask anything about videos and images", "就视频和图片提任何问题"},
    {"Say what a video, an image, a checkpoint or this machine is",
     "说明一个视频、一张图片、一个模型目录或这台机器的情况"},
    {"Make synthetic clips with questions and answers", "生成带问题和答案的合成视频"},
    {"Score a model on annotated videos", "在有标注的视频上给模型打分"},
    {"Measure how fast a checkpoint runs here", "测量一个模型在这台机器上有多快"},
    {"Serve the web page and the HTTP API on port 7860", "在 7860 端口提供网页和 HTTP 接口"},
    {"Look after what is kept on disk between runs", "管理留在磁盘上的缓存"},
    {"Say how much is kept", "显示缓存的大小"},
    {"Remove everything that is kept", "清除全部缓存"},
    {"Check every entry and remove what is damaged", "检查每一项，删除损坏的"},
    {"Print this help message and exit", "显示这份帮助"},
    {"Display program version information and exit", "显示版本"},
    {"Print JSON", "以 JSON 输出"},
    {"Show no progress", "不显示进度"},
    {"Output format", "输出格式"},
    {"Write the answer to this file", "把答案写进这个文件"},
    {"Write every stage as named tensors to this safetensors file (docs/accuracy.md)",
     "把每一步的张量写进这个 safetensors 文件（见 docs/accuracy.md）"},
    {"Wording that the checkpoint was trained on", "模型训练时所用的提问方式"},
    {"Checkpoint directory (else SHIJIAN_MODEL, else the first ./models/Qwen3-VL-*, else the "
     "default model)",
     "模型目录（否则用 SHIJIAN_MODEL，再否则用第一个 ./models/Qwen3-VL-*，最后用默认模型）"},
    {"Threads that compute; 0 is one for each core", "计算线程数；0 表示每个核心一个"},
    {"Follow transformers 4 (4.57, what the authors name) or 5 (5.23) where they differ",
     "两者不同之处以 transformers 4（4.57，作者所指定）还是 5（5.23）为准"},
    {"Folder of vision features, for the next question about a video (default: "
     "$XDG_CACHE_HOME/shijian or ~/.cache/shijian)",
     "保存视觉特征的文件夹，供同一视频的下一个问题使用（默认 $XDG_CACHE_HOME/shijian 或 "
     "~/.cache/shijian）"},
    {"How much the folder may hold, such as 500MB or 20GB (default: 4GB); what was not used for "
     "longest goes",
     "该文件夹的上限，例如 500MB 或 20GB（默认 4GB）；最久未用的先删除"},
    {"Keep nothing and use nothing that was kept", "不写缓存，也不用缓存"},
    {"The folder (default: $XDG_CACHE_HOME/shijian or ~/.cache/shijian)",
     "文件夹（默认 $XDG_CACHE_HOME/shijian 或 ~/.cache/shijian）"},
    {"Video file", "视频文件"},
    {"What to look for, in plain words", "要找什么，用平常的话说"},
    {"A further question; questions share decoding, encoding and prefix",
     "再加一个问题；多个问题共用解码、视觉编码和前缀"},
    {"A file with one question a line", "每行一个问题的文件"},
    {"How times are written", "时间的写法"},
    {"Draw frames, time line and events to this PNG file", "把画面、时间线和事件画进这个 PNG 文件"},
    {"Videos and images, shown in this order", "视频和图片，按这个顺序给模型看"},
    {"The question or instruction", "问题或指令"},
    {"A system message", "系统消息"},
    {"A file with a JSON array of function signatures that the model may call",
     "模型可以调用的函数，写成 JSON 数组的文件"},
    {"Frames a second to look at (default: the model's)", "每秒看几帧（默认按模型）"},
    {"Look at this many frames, evenly spread", "均匀地看这么多帧"},
    {"Pixels of all frames together, at most", "所有帧合计的像素上限"},
    {"Pixels of all frames together, at least", "所有帧合计的像素下限"},
    {"Pixels of one frame, at most", "每一帧的像素上限"},
    {"Look only from this time on: 83.5, 1:23.5 or 00:01:23.500",
     "只看这个时间之后：83.5、1:23.5 或 00:01:23.500"},
    {"Look only up to this time", "只看到这个时间为止"},
    {"Whose sampling and frame sizes: transformers or qwen-vl-utils",
     "按谁的方式取帧和定尺寸：transformers 或 qwen-vl-utils"},
    {"Stop after this many tokens", "最多生成这么多词元"},
    {"Seed of the sampler; the same seed, the same answer", "采样的种子；种子相同，答案相同"},
    {"Add the likeliest N of each generated token to the JSON",
     "在 JSON 里给出每个词元最可能的 N 个候选"},
    {"Above 0 samples instead of taking the likeliest token",
     "大于 0 时采样，而不是取最可能的词元"},
    {"0 takes the likeliest token (default: the checkpoint's)",
     "0 表示取最可能的词元（默认按模型）"},
    {"Sample among the k likeliest tokens", "在最可能的 k 个词元中采样"},
    {"Sample among the likeliest tokens of this mass", "在概率合计为该值的最可能词元中采样"},
    {"Above 1 makes tokens that were there before less likely",
     "大于 1 时，出现过的词元更不容易再出现"},
    {"Above 0 makes tokens that were generated before less likely",
     "大于 0 时，生成过的词元更不容易再出现"},
    {"Video, image or checkpoint directory", "视频、图片或模型目录"},
    {"Directory for videos/ and annotations.jsonl", "存放 videos/ 和 annotations.jsonl 的目录"},
    {"Same seed, same clips", "种子相同，视频相同"},
    {"Number of clips (--stream: 0 is endless)", "视频个数（--stream 时 0 表示不停）"},
    {"Index of the first clip", "第一个视频的序号"},
    {"Train or heldout", "train（训练）或 heldout（留出）"},
    {"Length of a clip, A-B", "视频长度，A-B 秒"},
    {"Frame size WxH (default: varied)", "画面尺寸，宽x高（默认各种都有）"},
    {"Frame rate (default: varied)", "帧率（默认各种都有）"},
    {"Only these kinds of question", "只要这些种类的问题"},
    {"Questions a clip, at most (5; --stream: 8)", "每个视频最多几个问题（5；--stream 时 8）"},
    {"Threads (all cores; --stream: 1)", "线程数（全部核心；--stream 时 1）"},
    {"Write sampled frames and labels to standard output", "把取样的帧和标签写到标准输出"},
    {"--stream: frames sampled a second", "--stream：每秒取几帧"},
    {"--stream: frames sampled at most", "--stream：最多取几帧"},
    {"--stream: pixels of a sampled frame at most", "--stream：每帧的像素上限"},
    {"--stream: percent of clips that go through an encoder", "--stream：百分之几的视频经过编码器"},
    {"--stream: no frames", "--stream：不要画面"},
    {"Annotation file, or the folder that synth wrote", "标注文件，或 synth 写出的文件夹"},
    {"Whose annotations", "哪一种标注"},
    {"Folder of the video files", "视频文件所在的文件夹"},
    {"Ask only the first N questions", "只问前 N 个问题"},
    {"Only these kinds: visible,appear,...", "只问这些种类：visible,appear,..."},
    {"Write the report here", "把报告写到这里"},
    {"Checkpoint directory", "模型目录"},
    {"Random weights of this published size instead", "改用这个公开尺寸的随机权重"},
    {"Write the random checkpoint here and keep it", "把随机模型写到这里并保留"},
    {"Text tokens of the prompt", "提示中的文字词元数"},
    {"Tokens to generate", "要生成的词元数"},
    {"Temporal slots (pairs of frames) to encode", "要编码的时间槽数（每槽两帧）"},
    {"Side of a frame in pixels", "画面边长，像素"},
    {"Measured runs; the median is printed", "测量次数；输出中位数"},
    {"Ask about a clip instead: a question, another one, and one after a restart",
     "改为就一段视频提问：一个问题，再一个，重启后再一个"},
    {"Length of that clip, looked at once a second", "那段视频的秒数，每秒看一帧"},
    {"Read settings from this TOML file", "从这个 TOML 文件读设置"},
    {"Address to listen on", "监听的地址"},
    {"Port; 0: any free one", "端口；0 表示任意空闲端口"},
    {"Folder of the video library", "视频库的文件夹"},
    {"Folder of the database", "数据库的文件夹"},
    {"Ask for one of the keys in this file, one a line", "要求出示这个文件中的一个密钥，每行一个"},
    {"Ask for no key, even from other machines", "不要求密钥，其他机器也不要求"},
    {"A name that other machines call this server by", "其他机器用来称呼本服务器的名字"},
    {"Serve HTTPS with this PEM file", "用这个 PEM 证书提供 HTTPS"},
    {"The certificate's key, PEM", "证书的私钥，PEM"},
    {"Hosts that videos may be fetched from, such as example.org or *.example.org",
     "可以从哪些主机取视频，例如 example.org 或 *.example.org"},
    {"Hosts that ended jobs may be posted to", "任务结束后可以通知哪些主机"},
    {"Largest file taken (default 8GB)", "接受的最大文件（默认 8GB）"},
    {"Size that uploads may fill the library to (default 100GB)",
     "上传后视频库的总大小上限（默认 100GB）"},
    {"Jobs that may wait", "可以排队的任务数"},
    {"Ended jobs that are kept with their results; 0: all",
     "保留多少个已结束的任务及其结果；0 表示全部"},
    {"Days that an ended job is kept; 0: for ever", "已结束的任务保留几天；0 表示永久"},
    {"Memory that decoding one video may take, and cutting twice (default 4GB)",
     "解码一个视频可用的内存，剪辑可用其两倍（默认 4GB）"},
    {"Memory for prompts that were read, such as 2GB (default a quarter of what is free)",
     "保留已读提示可用的内存，例如 2GB（默认是空闲内存的四分之一）"},
    {"Bits of their keys and values: 32 gives the same answers to the bit, 8 holds 3.5 times as "
     "many prompts",
     "其键和值的位数：32 时答案逐位相同，8 能保留 3.5 倍的提示"},
    {"Bits of a kept key or value", "保留的键和值的位数"},
    {"Requests a second of one client", "一个客户端每秒的请求数"},
    {"text or json", "text（文本）或 json"},
    {"debug, info, warning or error; warning: no requests",
     "debug、info、warning 或 error；warning 不记录请求"},
    {"Model", "模型"},
    {"Cache", "缓存"},
    {"Sampling", "取帧"},
    {"Generation", "生成"},
    {"Output", "输出"},
    {"Options", "选项"},
    {"Subcommands", "子命令"},
    {"Who may use it", "谁可以使用"},
    {"Other servers", "其他服务器"},
    {"Limits", "限制"},
    {"Log, on standard error", "日志，写到标准错误"},
    {"Examples:", "例子："},
    {"Start here:", "从这里开始："},
    {"Exit status: 0 done, 2 wrong usage, 1 failed.", "退出状态：0 完成，2 用法错误，1 失败。"},
    {"this machine: cores, memory, instruction sets, the model",
     "这台机器：核心、内存、指令集、模型"},
    {"frame rate, duration, rotation, tracks", "帧率、时长、旋转、轨道"},
    {"sizes, element types, memory", "尺寸、元素类型、内存"},
    {"the model that locate would use", "locate 会使用的模型"},
    {"a checkpoint directory", "一个模型目录"},
    {"random weights of a published size", "公开尺寸的随机权重"},
    {"a second question, and one after a restart", "第二个问题，以及重启后的一个"},
    {"the page at http://localhost:7860", "网页在 http://localhost:7860"},
    {"read every entry, remove what is damaged", "读每一项，删除损坏的"},
    {"With --json, answers are kept beside the report as they come, in FILE.rows.jsonl: the same "
     "command",
     "使用 --json 时，答案随时保存在报告旁的 FILE.rows.jsonl 里：中断后用同一条命令"},
    {"goes on where it stopped.", "可以接着做下去。"},
    {"Every setting may stand in a TOML file (--config serve.toml, keys as the long names below) "
     "and in",
     "每项设置都可以写在 TOML 文件里（--config serve.toml，键就是下面的长名字）或"},
    {"the environment (SHIJIAN_PORT=8000). The command line goes first, then the environment.",
     "环境变量里（SHIJIAN_PORT=8000）。命令行优先，其次是环境变量。"}};

void replace(const std::string& english, const auto& set) {
  if (const std::string_view chinese = chinese_of(english); !chinese.empty()) {
    set(std::string(chinese));
  }
}

// Line by line: a whole line, or what a line explains after two spaces or more.
std::string translated_footer(const std::string& footer) {
  std::string out;
  for (size_t begin = 0; begin <= footer.size();) {
    const size_t end = std::min(footer.find('\n', begin), footer.size());
    std::string line = footer.substr(begin, end - begin);
    const size_t gap = line.rfind("  ");
    const size_t text = gap == std::string::npos || gap == 0 ? 0 : gap + 2;
    replace(line.substr(text),
            [&](const std::string& chinese) { line.replace(text, {}, chinese); });
    out += line;
    if (end < footer.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

void translate(CLI::App& app, const std::shared_ptr<CLI::Formatter>& formatter) {
  replace(app.get_description(), [&](const std::string& text) { app.description(text); });
  app.footer(translated_footer(app.get_footer()));
  replace(app.get_group(), [&](const std::string& text) { app.group(text); });
  for (CLI::Option* option : app.get_options()) {
    replace(option->get_description(), [&](const std::string& text) { option->description(text); });
    replace(option->get_group(), [&](const std::string& text) { option->group(text); });
  }
  app.formatter(formatter);
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    translate(*command, formatter);
  }
}

}  // namespace

std::string_view chinese_of(std::string_view english) {
  const auto found = kChinese.find(english);
  return found == kChinese.end() ? std::string_view() : found->second;
}

bool reads_chinese() {
  for (const char* name : {"SHIJIAN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') return std::string_view(value).starts_with("zh");
  }
  return false;
}

void help_in_chinese(CLI::App& app) {
  const auto formatter = std::make_shared<CLI::Formatter>();
  formatter->label("Usage", "用法");
  formatter->label("OPTIONS", "选项");
  formatter->label("Positionals", "参数");
  formatter->label("SUBCOMMAND", "子命令");
  formatter->label("SUBCOMMANDS", "子命令");
  formatter->label("REQUIRED", "必填");
  formatter->label("Env", "环境变量");
  formatter->label("Needs", "需要");
  formatter->label("Excludes", "不能同时用");
  formatter->label("TEXT", "文字");
  formatter->label("INT", "整数");
  formatter->label("UINT", "自然数");
  formatter->label("FLOAT", "数");
  formatter->label("DIR", "目录");
  formatter->label("FILE", "文件");
  formatter->label("TIME", "时间");
  formatter->label("SIZE", "大小");
  translate(app, formatter);
}

}  // namespace shijian
