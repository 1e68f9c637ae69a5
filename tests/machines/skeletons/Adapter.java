import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** An adapter: it reads a command line and writes exactly one answer line, until its input ends. */
public final class Adapter {
    // --- To keep --------------------------------------------------------------------------------

    /** An answer {@code err CLASS TEXT}: the program refuses the command, and nothing has changed. */
    private static final class Refusal extends RuntimeException {
        final String kind;

        Refusal(String kind, String text) {
            super(text);
            this.kind = kind;
        }
    }

    private String answer(String line) {
        try {
            String result = run(line.split(" ", -1));
            return result == null ? "ok" : "ok " + result;
        } catch (Refusal refusal) {
            return "err " + refusal.kind + " " + refusal.getMessage();
        } catch (Exception | StackOverflowError error) {
            // An unexpected error becomes an answer, too, of one line.
            return ("err panic " + error.getMessage()).replace("\n", " ");
        }
    }

    /** The bytes of the next line, or null at the end. */
    private static byte[] readLine(InputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int next;
        while ((next = in.read()) >= 0 && next != '\n') {
            line.write(next);
        }
        return next < 0 && line.size() == 0 ? null : line.toByteArray();
    }

    public static void main(String[] args) throws IOException {
        Adapter adapter = new Adapter();
        InputStream in = new BufferedInputStream(System.in);
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (byte[] line; (line = readLine(in)) != null;) {
            out.print(adapter.answer(new String(line, StandardCharsets.UTF_8)) + "\n");
            // An answer leaves the process before the next line is read.
            out.flush();
        }
    }

    // --- To replace by your program: a counter with a log ---------------------------------------

    private static final Map<String, String> USAGE = Map.ofEntries(
            Map.entry("hello", "hello"),
            Map.entry("new", "new LIMIT"),
            Map.entry("add", "add N"),
            Map.entry("sub", "sub N"),
            Map.entry("undo", "undo"),
            Map.entry("clear", "clear"),
            Map.entry("value", "value"),
            Map.entry("len", "len"),
            Map.entry("entry", "entry INDEX"),
            Map.entry("log", "log"),
            Map.entry("tally", "tally"),
            Map.entry("fail", "fail"));

    private int limit = 10;
    private int value = 0;
    private List<Integer> log = new ArrayList<>();

    /** A start line makes the program forget everything before it. */
    private String start(int newLimit) {
        limit = newLimit;
        value = 0;
        log = new ArrayList<>();
        return null;
    }

    private String run(String[] words) {
        String usage = USAGE.get(words[0]);
        if (usage == null) {
            throw new Refusal("unknown", "no such command");
        }
        if (words.length != usage.split(" ").length) {
            throw new Refusal("usage", usage);
        }
        switch (words[0]) {
            case "hello":
                return "counter 1";
            case "new":
                return start(number(words[1], usage, 1, 65535, "a limit is 1 to 65535"));
            case "add":
                return change(number(words[1], usage, 0, 65535, "a number is at most 65535"));
            case "sub":
                return change(-number(words[1], usage, 0, 65535, "a number is at most 65535"));
            case "undo":
                if (log.isEmpty()) {
                    throw new Refusal("empty", "the log is empty");
                }
                value -= log.remove(log.size() - 1);
                return String.valueOf(value);
            case "clear":
                log = new ArrayList<>();
                return null;
            case "value":
                return String.valueOf(value);
            case "len":
                return String.valueOf(log.size());
            case "entry":
                return signed(log.get(number(words[1], usage, 0, log.size() - 1, "no such entry")));
            case "log":
                return orDash(log.stream().map(Adapter::signed).collect(Collectors.joining(",")));
            case "tally":
                return tally();
            default:
                throw new IllegalStateException("as asked");
        }
    }

    /** A hash table has no order; the answer needs one, so the tree is sorted by its keys. */
    private String tally() {
        Map<String, Integer> counts = new TreeMap<>();
        log.forEach(by -> counts.merge(signed(by), 1, Integer::sum));
        return orDash(counts.entrySet().stream()
                .map(entry -> entry.getKey() + ":" + entry.getValue())
                .collect(Collectors.joining(",")));
    }

    private String change(int by) {
        if (value + by < 0) {
            throw new Refusal("range", "below zero");
        }
        if (value + by > limit) {
            throw new Refusal("range", "above the limit");
        }
        log.add(by);
        value += by;
        return String.valueOf(value);
    }

    private static String signed(int by) {
        return String.format("%+d", by);
    }

    private static String orDash(String list) {
        return list.isEmpty() ? "-" : list;
    }

    private static int number(String word, String usage, int low, int high, String text) {
        if (!word.matches("[0-9]{1,10}")) {
            throw new Refusal("usage", usage);
        }
        long number = Long.parseLong(word);
        if (number < low || number > high) {
            throw new Refusal("range", text);
        }
        return (int) number;
    }
}
