/** A field for another name: Enter and leaving it save, Escape does not. */
import { useRef } from "preact/hooks";

interface Props {
  label: string;
  name: string;
  /** Whether an empty name is none. */
  needed?: boolean;
  longest?: number;
  onName: (name: string) => void;
  onDone: () => void;
}

export function NameField({ label, name, needed = false, longest = 200, onName, onDone }: Props) {
  const done = useRef(false);
  const end = (): void => {
    if (!done.current) onDone();
    done.current = true;
  };
  const save = (input: HTMLInputElement): void => {
    if (done.current) return;
    const text = input.value.trim();
    if (text !== name && (text || !needed)) onName(text);
    end();
  };
  const pressed = (event: KeyboardEvent & { currentTarget: HTMLInputElement }): void => {
    event.stopPropagation();
    if (event.key === "Enter") save(event.currentTarget);
    else if (event.key === "Escape") end();
  };
  return (
    <input
      type="text"
      class="find"
      aria-label={label}
      maxLength={longest}
      defaultValue={name}
      ref={(input) => input?.focus()}
      onKeyDown={pressed}
      onBlur={(event) => save(event.currentTarget)}
    />
  );
}
